/* list.c - a doubly linked list. */
#include "list.h"

static void insert(struct pushc_list *list, struct pushc_link *link,
                   struct pushc_link *prev, struct pushc_link *next)
{
    link->prev = prev;
    link->next = next;
    *(prev ? &prev->next : &list->first) = link;
    *(next ? &next->prev : &list->last) = link;
    list->count++;
}

void pushc_list_append(struct pushc_list *list, struct pushc_link *link)
{
    insert(list, link, list->last, NULL);
}

void pushc_list_prepend(struct pushc_list *list, struct pushc_link *link)
{
    insert(list, link, NULL, list->first);
}

void pushc_list_remove(struct pushc_list *list, struct pushc_link *link)
{
    *(link->prev ? &link->prev->next : &list->first) = link->next;
    *(link->next ? &link->next->prev : &list->last) = link->prev;
    list->count--;
}
