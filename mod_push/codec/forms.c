#include "codec/forms.h"

#include <string.h>

#define PLACES (2 * PUSH_FORMS_MOST)

void push_forms_begin(push_forms_t *forms)
{
    if (forms->full) {
        memset(forms->table, 0, sizeof(forms->table));
        forms->count = 0;
        forms->used = 0;
        forms->full = false;
    }
}

/* The place of the message, or the free one where it would be. */
static unsigned place_of(const push_forms_t *forms, uint64_t mid)
{
    unsigned place = (unsigned)(mid * UINT64_C(0x9e3779b97f4a7c15) >> 32)
                     % PLACES;

    while (forms->table[place].len && forms->table[place].mid != mid) {
        place = (place + 1) % PLACES;
    }
    return place;
}

push_text_t push_forms_find(const push_forms_t *forms, uint64_t mid)
{
    const push_form_t *form = &forms->table[place_of(forms, mid)];

    return (push_text_t){forms->bytes + form->at, form->len};
}

char *push_forms_add(push_forms_t *forms, uint64_t mid, size_t len)
{
    char *at = forms->bytes + forms->used;

    if (forms->count == PUSH_FORMS_MOST
        || len > PUSH_FORMS_BYTES - forms->used) {
        forms->full = forms->count != 0;
        return NULL;
    }
    forms->table[place_of(forms, mid)] = (push_form_t){mid, forms->used,
                                                       (uint32_t)len};
    forms->used += (uint32_t)len;
    forms->count++;
    return at;
}
