#ifndef PUSH_CLASS_H
#define PUSH_CLASS_H

#include <stdbool.h>

#include "core/text.h"
#include "core/types.h"

/*
 * Event classes: by which messages are counted.  A message is of the class of
 * its event type if that has a name, else of `other`; without an event type it
 * is of `message`, SSE's default, if that is a name.  One of a variant
 * (core/where.h) is of the class `TYPE/VARIANT` if that is a name.  A process
 * finds a class by a table of its own; which number a name has, all processes
 * agree on (store/shm/reports.h).
 */

#define PUSH_CLASS_NAMES 32u

/* The numbers of classes; those of names come behind. */
#define PUSH_CLASS_OTHER 0u
#define PUSH_CLASS_NAMED 1u
#define PUSH_CLASSES     (PUSH_CLASS_NAMED + PUSH_CLASS_NAMES)

typedef struct push_class_name_t {
    uint8_t len; /* 0: none */
    char text[PUSH_EVENT_MAX];
} push_class_name_t;

/* Twice as many as names, and a power of two. */
#define PUSH_CLASS_SLOTS 128u

/*
 * A mark says of which class something is, and by which naming: those of
 * another naming are found by their name again.  No reference is so high.
 */
#define PUSH_CLASS_MARK       0xf0000000u
#define PUSH_CLASS_MARK_SHIFT 6 /* below are classes */

/* An open hash table from names to classes; all 0: no name has a class. */
typedef struct push_classes_t {
    uint32_t mark;                   /* of class 0 */
    uint32_t untyped;                /* the class of no event type */
    bool variants;                   /* some name has one */
    uint8_t slots[PUSH_CLASS_SLOTS]; /* the class; 0: free */
    push_class_name_t names[PUSH_CLASSES];
} push_classes_t;

/* An event type, perhaps with a slash and a variant; PUSH_EVENT_MAX in all. */
bool push_class_name_valid(const char *text, size_t len);

/* An empty table; which naming it is. */
void push_classes_init(push_classes_t *classes, uint32_t naming);

/* Gives the name a class, which has none so far. */
void push_classes_add(push_classes_t *classes, push_text_t name,
                      unsigned number);

/* The class of an event type, which may be empty. */
unsigned push_classes_find(const push_classes_t *classes, push_text_t event);

static inline unsigned push_class_of(const push_classes_t *classes,
                                     push_text_t event)
{
    return event.len ? push_classes_find(classes, event) : classes->untyped;
}

/* The same of a message for those that where says, of which it may name one. */
unsigned push_classes_find_variant(const push_classes_t *classes,
                                   push_text_t event, push_text_t where);

static inline unsigned push_class_for(const push_classes_t *classes,
                                      push_text_t event, push_text_t where)
{
    return where.len && classes->variants
               ? push_classes_find_variant(classes, event, where)
               : push_class_of(classes, event);
}

#endif
