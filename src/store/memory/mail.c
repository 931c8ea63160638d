// Mailboxes.

#include <stdlib.h>

#include "store/memory/internal.h"

static struct pawl_memory_box *mail_find(const struct pawl_memory_data *data, struct pawl_str app,
                                         uint32_t number) {
    for (size_t i = 0; i < data->box_count; i++)
        if (data->boxes[i]->number == number && pawl__str_equal(data->boxes[i]->app, app))
            return data->boxes[i];
    return NULL;
}

static struct pawl_memory_box *mail_box(struct pawl_memory_data *data, struct pawl_str app,
                                        uint32_t number) {
    struct pawl_memory_box *box = mail_find(data, app, number);
    if (box || !pawl__array_room((void **)&data->boxes, data->box_count, &data->box_cap,
                                 sizeof(struct pawl_memory_box *)))
        return box;
    box = calloc(1, sizeof *box);
    if (!box) return NULL;
    *box = (struct pawl_memory_box){{pawl__str_dup(app), app.len}, number};
    if (!box->app.data || !pawl__memory_table_init(&box->mail, true)) {
        free((char *)box->app.data);
        free(box);
        return NULL;
    }
    data->boxes[data->box_count++] = box;
    return box;
}

bool pawl__memory_mail_put(struct pawl_memory_data *data, struct pawl_memory_journal *journal,
                           const struct pawl_mail *mail) {
    struct pawl_memory_box *box = mail_box(data, mail->app, mail->number);
    if (!box) return false;
    if (pawl__memory_find(&box->mail, mail->key)) return true;
    struct pawl_memory_mail *made = malloc(sizeof *made + mail->key.len + mail->bytes.len);
    if (!made) return false;
    char *to = made->data;
    *made = (struct pawl_memory_mail){0};
    made->node.key = pawl__memory_copy(&to, mail->key);
    made->bytes = pawl__memory_copy(&to, mail->bytes);
    if (pawl__memory_put(journal, &box->mail, &made->node)) return true;
    free(made);
    return false;
}

bool pawl__memory_mail_take(struct pawl_memory_data *data, struct pawl_memory_journal *journal,
                            const struct pawl_mail *mail) {
    struct pawl_memory_box *box = mail_find(data, mail->app, mail->number);
    return !box || pawl__memory_remove(journal, &box->mail, mail->key);
}

// Copies the first |limit| messages of |box| behind |after| into |arena|.
static bool mail_collect(const struct pawl_memory_box *box, struct pawl_str after, size_t limit,
                         struct pawl_arena *arena, struct pawl_mail **out, size_t *count) {
    if (!limit || limit > box->mail.count) limit = box->mail.count;
    *out = pawl__arena_alloc(arena, (limit + 1) * sizeof **out);
    bool ok = *out;
    for (const struct pawl_memory_node *node = pawl__memory_from(&box->mail, 0, after, false);
         ok && node && *count < limit; node = pawl__memory_after(node, false)) {
        struct pawl_mail *mail = &(*out)[(*count)++];
        *mail = (struct pawl_mail){.number = box->number,
                                   .key = node->key,
                                   .bytes = ((const struct pawl_memory_mail *)node)->bytes};
        ok = pawl__memory_dup(arena, &mail->key) && pawl__memory_dup(arena, &mail->bytes);
    }
    return ok;
}

enum pawl_err pawl__memory_read_mail(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                     struct pawl_str after, size_t limit, pawl_mail_fn fn,
                                     void *arg, struct pawl_error *error) {
    struct pawl_arena arena = {0};
    struct pawl_mail *mail = NULL;
    size_t count = 0;
    struct pawl_memory_data *data = pawl__memory_lock(base);
    struct pawl_memory_box *box = mail_find(data, app, number);
    bool ok = !box || mail_collect(box, after, limit, &arena, &mail, &count);
    pawl__memory_unlock(data);
    enum pawl_err err = ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    for (size_t i = 0; !err && i < count; i++) {
        mail[i].app = app;
        err = fn(arg, &mail[i], error);
    }
    pawl__arena_finish(&arena);
    return err;
}

void pawl__memory_boxes_finish(struct pawl_memory_data *data) {
    for (size_t i = 0; i < data->box_count; i++) {
        pawl__memory_table_finish(&data->boxes[i]->mail);
        free((char *)data->boxes[i]->app.data);
        free(data->boxes[i]);
    }
    free(data->boxes);
}
