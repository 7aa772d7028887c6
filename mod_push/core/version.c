#include "core/version.h"

bool push_digits_take(push_text_t *text, unsigned count, uint32_t *number)
{
    unsigned taken = 0;

    *number = 0;
    while (text->len && text->at[0] >= '0' && text->at[0] <= '9') {
        if (taken++ == count) {
            return false;
        }
        *number = *number * 10 + (uint32_t)(text->at[0] - '0');
        text->at++;
        text->len--;
    }
    return taken != 0;
}

#define VERSION_DIGITS 9 /* of one of its numbers */

bool push_version_take(push_text_t *text, push_version_t *version)
{
    unsigned count = 0;
    bool more = true;

    while (
        more && count < PUSH_VERSION_NUMBERS
        && push_digits_take(text, VERSION_DIGITS, &version->numbers[count])) {
        count++;
        more = text->len > 1 && (text->at[0] == '.' || text->at[0] == '_')
               && text->at[1] >= '0' && text->at[1] <= '9';
        text->at += more;
        text->len -= more;
    }
    version->count = count;
    while (version->count && !version->numbers[version->count - 1]) {
        version->count--;
    }
    return count != 0;
}

int push_version_compare(const push_version_t *a, const push_version_t *b)
{
    unsigned count = a->count < b->count ? a->count : b->count;

    for (unsigned i = 0; i < count; i++) {
        if (a->numbers[i] != b->numbers[i]) {
            return a->numbers[i] < b->numbers[i] ? -1 : 1;
        }
    }
    return (int)a->count - (int)b->count;
}
