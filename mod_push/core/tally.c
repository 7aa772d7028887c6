#include "core/tally.h"

const char *push_tally_name(push_tally_kind_t what)
{
#define NAME(kind, name) name,
    static const char *const names[] = {PUSH_TALLY_TABLE(NAME)};
#undef NAME

    return names[what];
}
