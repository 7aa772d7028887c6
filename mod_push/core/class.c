#include "core/class.h"

#include <string.h>

#include "core/where.h"

/*
 * Who configures the names chooses them to tell them apart, so their length
 * and three letters make a good hash, in a time that does not grow with them.
 * What is no name mostly meets a free slot at once.
 */
static unsigned slot_of(push_text_t name)
{
    const unsigned char *at = (const unsigned char *)name.at;
    unsigned mixed = at[0] * 31u + at[name.len / 2] * 7u
                     + at[name.len - 1] * 13u + name.len;

    return mixed % PUSH_CLASS_SLOTS;
}

static bool is_name(const push_class_name_t *name, push_text_t text)
{
    return name->len == text.len && !memcmp(name->text, text.at, text.len);
}

_Static_assert(PUSH_CLASSES <= 1u << PUSH_CLASS_MARK_SHIFT,
               "a mark has room for a class");

bool push_class_name_valid(const char *text, size_t len)
{
    const char *slash = memchr(text, '/', len);
    size_t event = slash ? (size_t)(slash - text) : len;

    return len <= PUSH_EVENT_MAX && push_event_valid(text, event)
           && (!slash || push_event_valid(slash + 1, len - event - 1));
}

void push_classes_init(push_classes_t *classes, uint32_t naming)
{
    memset(classes, 0, sizeof(*classes));
    classes->mark = PUSH_CLASS_MARK
                    | (naming << PUSH_CLASS_MARK_SHIFT & ~PUSH_CLASS_MARK);
}

void push_classes_add(push_classes_t *classes, push_text_t name,
                      unsigned number)
{
    unsigned slot = slot_of(name);

    while (classes->slots[slot]) {
        slot = (slot + 1) % PUSH_CLASS_SLOTS;
    }
    classes->names[number].len = (uint8_t)name.len;
    memcpy(classes->names[number].text, name.at, name.len);
    classes->slots[slot] = (uint8_t)number;
    classes->variants |= memchr(name.at, '/', name.len) != NULL;
    if (is_name(&classes->names[number], (push_text_t){"message", 7})) {
        classes->untyped = number;
    }
}

unsigned push_classes_find(const push_classes_t *classes, push_text_t event)
{
    unsigned slot = slot_of(event);

    while (classes->slots[slot]
           && !is_name(&classes->names[classes->slots[slot]], event)) {
        slot = (slot + 1) % PUSH_CLASS_SLOTS;
    }
    return classes->slots[slot];
}

unsigned push_classes_find_variant(const push_classes_t *classes,
                                   push_text_t event, push_text_t where)
{
    push_text_t variant = push_where_variant(where);
    push_text_t type = event.len ? event : (push_text_t){"message", 7};
    char name[PUSH_EVENT_MAX];
    unsigned class = PUSH_CLASS_OTHER;

    if (variant.len && type.len + 1 + variant.len <= sizeof(name)) {
        memcpy(name, type.at, type.len);
        name[type.len] = '/';
        memcpy(name + type.len + 1, variant.at, variant.len);
        class = push_classes_find(
            classes, (push_text_t){name, type.len + 1 + variant.len});
    }
    return class != PUSH_CLASS_OTHER ? class : push_class_of(classes, event);
}
