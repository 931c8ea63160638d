#ifndef PAWL_NET_DOOR_H
#define PAWL_NET_DOOR_H

// Hands a connection from one loop to another, as a descriptor.
//
//   loop that accepts ──pass──► [ fd, fd ] ──async──► loop that serves: enter

#include <stdbool.h>
#include <uv.h>

struct door_guest;

struct pawl_door {
    uv_async_t async;
    uv_mutex_t mutex; // of |guests|
    struct door_guest *guests, **last;
    // Called on the loop, which then owns |fd|.
    void (*enter)(void *arg, int fd, bool is_pipe);
    void (*closed)(void *arg);
    void *arg;
};

// Before the loop runs, or on it. False: memory is out.
bool pawl__door_init(struct pawl_door *door, uv_loop_t *loop,
                     void (*enter)(void *arg, int fd, bool is_pipe), void *arg);

// On any thread, until the door begins to close. False: memory is out, and |fd| is the caller's.
bool pawl__door_pass(struct pawl_door *door, int fd, bool is_pipe);

// Closes the descriptors that have not entered, and calls |closed|.
void pawl__door_close(struct pawl_door *door, void (*closed)(void *arg));

#endif
