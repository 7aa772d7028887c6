#include "core/types.h"

#include <string.h>
#include <strings.h>

void push_text_copy(char *to, size_t room, push_text_t text)
{
    size_t len = text.len < room ? text.len : room - 1;

    if (len) {
        memcpy(to, text.at, len);
    }
    to[len] = '\0';
}

const char *push_urgency_name(push_urgency_t urgency)
{
    static const char *const names[PUSH_LANES] = {"high", "normal", "low",
                                                  "very-low"};
    return names[urgency];
}

const char *push_fate_name(push_fate_t fate)
{
    static const char *const names[PUSH_FATES] = {
        "live",     "pending",  "in-flight", "acked",   "expired",
        "replaced", "recalled", "evicted",   "refused", "filtered"};
    return names[fate];
}

const char *push_gap_name(push_gap_t gap)
{
    static const char *const names[] = {"memory", "mailbox", "state-lost"};

    return names[gap];
}

const char *push_went_name(push_went_t why)
{
    static const char *const names[] = {
        "unknown",  "peer",          "error",        "superseded", "restart",
        "shutdown", "expired-token", "disconnected", "answered",   "died"};

    return names[(unsigned)why <= PUSH_WENT_DIED ? why : PUSH_WENT_UNKNOWN];
}

static bool is(push_text_t text, const char *word)
{
    return text.len == strlen(word) && !strncasecmp(text.at, word, text.len);
}

bool push_urgency_parse(push_text_t text, push_urgency_t *urgency)
{
    for (int i = 0; i < PUSH_LANES; i++) {
        if (is(text, push_urgency_name((push_urgency_t)i))) {
            *urgency = (push_urgency_t)i;
            return true;
        }
    }
    *urgency = PUSH_NORMAL;
    return is(text, "medium");
}
