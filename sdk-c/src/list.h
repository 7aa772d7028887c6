/*
 * list.h - a doubly linked list through a member `link` of what it holds.
 *
 * The list owns nothing; one thread at a time.
 */
#ifndef PUSHC_LIST_H
#define PUSHC_LIST_H

#include <stddef.h>

struct pushc_link {
    struct pushc_link *prev, *next;
};

struct pushc_list {
    struct pushc_link *first, *last;
    unsigned count;
};

void pushc_list_append(struct pushc_list *list, struct pushc_link *link);
void pushc_list_prepend(struct pushc_list *list, struct pushc_link *link);
void pushc_list_remove(struct pushc_list *list, struct pushc_link *link);

/* The structure of a type whose `link` is at at, which is not NULL. */
#define PUSHC_LINKED(at, type)                                                \
    ((type *)(void *)((char *)(at)-offsetof(type, link)))

#endif
