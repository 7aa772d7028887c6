/* pushc.c - what belongs to no handle: the version, words for a status. */
#include "pushc.h"

const char *pushc_version(void)
{
    return PUSHC_VERSION;
}

const char *pushc_strerror(int status)
{
    static const char *const words[] = {
        [1 - PUSHC_OK] = "no error",
        [1 - PUSHC_AGAIN] = "nothing yet, or no room",
        [1 - PUSHC_ERR_ARGUMENT] = "an argument or option is not legal",
        [1 - PUSHC_ERR_MEMORY] = "out of memory",
        [1 - PUSHC_ERR_STATE] = "not possible in this state",
        [1 - PUSHC_ERR_SYSTEM] =
            "the system gave no descriptor, thread or random bytes",
        [1 - PUSHC_ERR_TIMEOUT] = "no answer in time",
        [1 - PUSHC_ERR_CLOSED] = "stopped by the application",
        [1 - PUSHC_ERR_NETWORK] = "no connection, or it broke",
        [1 - PUSHC_ERR_TLS] = "the TLS handshake failed",
        [1 - PUSHC_ERR_DEADLINE] = "connecting took too long",
        [1 - PUSHC_ERR_SILENCE] = "the stream fell silent",
        [1 - PUSHC_ERR_PROTOCOL] = "the server does not speak the protocol",
        [1 - PUSHC_ERR_TOO_LARGE] = "an event is too large",
        [1 - PUSHC_ERR_REDIRECT] = "a redirect that is not followed",
        [1 - PUSHC_ERR_AUTH] = "the server refused access",
        [1 - PUSHC_ERR_HTTP] = "the server refused the request",
        [1 - PUSHC_ERR_OVERLOAD] = "the server has no capacity now",
        [1 - PUSHC_ERR_NO_CONTENT] = "the server has nothing for this client",
        [1 - PUSHC_ERR_SUPERSEDED] = "a newer stream of this device is open",
        [1 - PUSHC_ERR_GOODBYE] = "the server closed the stream in order",
        [1 - PUSHC_ERR_TOKEN] = "the token hook failed",
    };

    return status <= 1 && status >= PUSHC_ERR_TOKEN ? words[1 - status]
                                                    : "unknown status";
}
