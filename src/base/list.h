#ifndef PAWL_BASE_LIST_H
#define PAWL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

// A doubly linked list whose links live in its members. A list head is a link that points to
// itself; a link that is in no list does the same, so that removing is always allowed.
struct pawl_link {
    struct pawl_link *next, *prev;
};

#define PAWL_CONTAINER(pointer, type, member)                                                      \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

// Looks at the members of |head|'s list in turn: |item| is each |type|, whose link is |member|. The
// body may take |item| out, and free it, only where it says SAFE; it may take out no other.
#define PAWL_LIST_EACH(type, item, head, member)                                                   \
    for (type *item = PAWL_CONTAINER((head)->next, type, member); &item->member != (head);         \
         item = PAWL_CONTAINER(item->member.next, type, member))
#define PAWL_LIST_EACH_SAFE(type, item, head, member)                                              \
    for (type *item = PAWL_CONTAINER((head)->next, type, member),                                  \
              *item##_next = PAWL_CONTAINER(item->member.next, type, member);                      \
         &item->member != (head);                                                                  \
         item = item##_next, item##_next = PAWL_CONTAINER(item->member.next, type, member))

static inline void pawl__link_init(struct pawl_link *link) {
    link->next = link->prev = link;
}

static inline bool pawl__list_empty(const struct pawl_link *head) {
    return head->next == head;
}

static inline void pawl__list_remove(struct pawl_link *link) {
    link->prev->next = link->next;
    link->next->prev = link->prev;
    pawl__link_init(link);
}

// Appends |link|, which is in no list.
static inline void pawl__list_add(struct pawl_link *head, struct pawl_link *link) {
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

// Takes the first member out; NULL when the list is empty.
static inline struct pawl_link *pawl__list_take(struct pawl_link *head) {
    struct pawl_link *first = head->next;
    if (first == head) return NULL;
    pawl__list_remove(first);
    return first;
}

// The same for members of |type|, whose link is |member|.
#define PAWL_LIST_TAKE(type, head, member)                                                         \
    ((type *)pawl__list_take_from(head, offsetof(type, member)))

static inline void *pawl__list_take_from(struct pawl_link *head, size_t offset) {
    struct pawl_link *first = pawl__list_take(head);
    return first ? (char *)first - offset : NULL;
}

static inline size_t pawl__list_length(const struct pawl_link *head) {
    size_t length = 0;
    for (const struct pawl_link *link = head->next; link != head; link = link->next) length++;
    return length;
}

// Moves all members of |from| to the end of |to|, without looking at those in between.
static inline void pawl__list_move(struct pawl_link *to, struct pawl_link *from) {
    if (pawl__list_empty(from)) return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    pawl__link_init(from);
}

#endif
