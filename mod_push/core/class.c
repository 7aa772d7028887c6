#include "core/class.h"

#include <string.h>

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
