#include "redis/failure.h"

#include <stdlib.h>
#include <string.h>

/* The first word of an error, or all of its beginning. */
static const struct {
    const char *begins;
    push_failure_t failure;
} classes[] = {
    {"MOVED ", PUSH_FAILURE_AGAIN},
    {"ASK ", PUSH_FAILURE_AGAIN},
    {"TRYAGAIN", PUSH_FAILURE_AGAIN},
    {"CLUSTERDOWN", PUSH_FAILURE_AGAIN},
    {"READONLY", PUSH_FAILURE_AGAIN},
    {"LOADING", PUSH_FAILURE_AGAIN},
    {"MASTERDOWN", PUSH_FAILURE_AGAIN},
    {"ERR Function not found", PUSH_FAILURE_LIBRARY},
    {"OOM ", PUSH_FAILURE_FULL},
    {"NOREPLICAS", PUSH_FAILURE_REFUSED},
    {"MISCONF", PUSH_FAILURE_REFUSED},
    {"BUSY ", PUSH_FAILURE_REFUSED},
    {"ERR max number of clients reached", PUSH_FAILURE_REFUSED},
    {"NOAUTH", PUSH_FAILURE_SETUP},
    {"WRONGPASS", PUSH_FAILURE_SETUP},
    {"NOPERM", PUSH_FAILURE_SETUP},
    /* So says 7.0 of what a function may not do. */
    {"ERR The user executing the script can't", PUSH_FAILURE_SETUP},
    {"DENIED", PUSH_FAILURE_SETUP},
    {"ERR invalid password", PUSH_FAILURE_SETUP},
    {"ERR AUTH ", PUSH_FAILURE_SETUP},
    {"ERR Client sent AUTH", PUSH_FAILURE_SETUP},
    {"ERR unknown command", PUSH_FAILURE_SETUP},
    {"ERR unknown subcommand", PUSH_FAILURE_SETUP},
    {"ERR Unknown subcommand", PUSH_FAILURE_SETUP},
};

const char *push_failure_name(push_failure_t failure)
{
    static const char *const names[] = {
        [PUSH_FAILURE_NONE] = "none",
        [PUSH_FAILURE_AGAIN] = "again",
        [PUSH_FAILURE_AWAY] = "away",
        [PUSH_FAILURE_LIBRARY] = "library",
        [PUSH_FAILURE_FULL] = "full",
        [PUSH_FAILURE_REFUSED] = "refused",
        [PUSH_FAILURE_SETUP] = "setup",
        [PUSH_FAILURE_MEMORY] = "memory",
        [PUSH_FAILURE_STOPPED] = "stopped",
        [PUSH_FAILURE_UNKNOWN] = "unknown",
        [PUSH_FAILURE_ERROR] = "error",
        [PUSH_FAILURE_REPLICAS] = "replicas",
    };

    return names[failure];
}

bool push_failure_may_have_run(push_failure_t failure)
{
    return failure == PUSH_FAILURE_NONE || failure >= PUSH_FAILURE_UNKNOWN;
}

push_failure_t push_failure_of(push_text_t error)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        size_t len = strlen(classes[i].begins);

        if (error.len >= len && !memcmp(error.at, classes[i].begins, len)) {
            return classes[i].failure;
        }
    }
    return PUSH_FAILURE_ERROR;
}

/* The decimal number at the front, at most max; moves behind it. */
static bool take_number(push_text_t *text, unsigned max, unsigned *number)
{
    uint32_t at = 0;

    *number = 0;
    while (at < text->len && text->at[at] >= '0' && text->at[at] <= '9') {
        *number = *number * 10 + (unsigned)(text->at[at++] - '0');
        if (*number > max) {
            return false;
        }
    }
    text->at += at;
    text->len -= at;
    return at != 0;
}

static bool take_word(push_text_t *text, const char *word)
{
    size_t len = strlen(word);

    if (text->len < len || memcmp(text->at, word, len)) {
        return false;
    }
    text->at += len;
    text->len -= (uint32_t)len;
    return true;
}

/* "host:port", where the host may be empty or have colons itself. */
static bool take_address(push_text_t text, push_address_t *address)
{
    const char *colon = memrchr(text.at, ':', text.len);
    push_text_t port;
    unsigned number;
    size_t len;

    if (!colon) {
        return false;
    }
    len = (size_t)(colon - text.at);
    port = (push_text_t){colon + 1, text.len - (uint32_t)len - 1};
    if (!take_number(&port, UINT16_MAX, &number) || port.len || !number) {
        return false;
    }
    *address = (push_address_t){.port = (uint16_t)number};
    return !len || push_address_set(address, text.at, len, number);
}

bool push_redirect_parse(push_redirect_t *redirect, push_text_t error)
{
    redirect->ask = take_word(&error, "ASK ");
    return (redirect->ask || take_word(&error, "MOVED "))
           && take_number(&error, 16383, &redirect->slot)
           && take_word(&error, " ")
           && take_address(error, &redirect->address);
}
