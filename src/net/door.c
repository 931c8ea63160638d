#include "net/door.h"

#include <stdlib.h>
#include <unistd.h>

struct door_guest {
    struct door_guest *next;
    int fd;
    bool is_pipe;
};

static struct door_guest *door_take(struct pawl_door *door) {
    uv_mutex_lock(&door->mutex);
    struct door_guest *guests = door->guests;
    door->guests = NULL;
    door->last = &door->guests;
    uv_mutex_unlock(&door->mutex);
    return guests;
}

static void door_on_async(uv_async_t *async) {
    struct pawl_door *door = async->data;
    for (struct door_guest *guest = door_take(door), *next; guest; guest = next) {
        next = guest->next;
        door->enter(door->arg, guest->fd, guest->is_pipe);
        free(guest);
    }
}

bool pawl__door_init(struct pawl_door *door, uv_loop_t *loop,
                     void (*enter)(void *arg, int fd, bool is_pipe), void *arg) {
    *door = (struct pawl_door){.enter = enter, .arg = arg};
    door->last = &door->guests;
    if (uv_mutex_init(&door->mutex)) return false;
    if (uv_async_init(loop, &door->async, door_on_async)) {
        uv_mutex_destroy(&door->mutex);
        return false;
    }
    door->async.data = door;
    return true;
}

bool pawl__door_pass(struct pawl_door *door, int fd, bool is_pipe) {
    struct door_guest *guest = malloc(sizeof *guest);
    if (!guest) return false;
    *guest = (struct door_guest){.fd = fd, .is_pipe = is_pipe};
    uv_mutex_lock(&door->mutex);
    *door->last = guest;
    door->last = &guest->next;
    uv_mutex_unlock(&door->mutex);
    uv_async_send(&door->async);
    return true;
}

static void door_on_closed(uv_handle_t *handle) {
    struct pawl_door *door = handle->data;
    for (struct door_guest *guest = door_take(door), *next; guest; guest = next) {
        next = guest->next;
        close(guest->fd);
        free(guest);
    }
    uv_mutex_destroy(&door->mutex);
    door->closed(door->arg);
}

void pawl__door_close(struct pawl_door *door, void (*closed)(void *arg)) {
    door->closed = closed;
    uv_close((uv_handle_t *)&door->async, door_on_closed);
}
