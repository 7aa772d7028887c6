/* pushc.c - what belongs to no handle: the version, words for a status. */
#include "pushc.h"

const char *pushc_version(void)
{
    return PUSHC_VERSION;
}

const char *pushc_strerror(int status)
{
    switch (status) {
    case PUSHC_OK:
        return "no error";
    case PUSHC_AGAIN:
        return "nothing yet, or no room";
    case PUSHC_ERR_ARGUMENT:
        return "an argument or option is not legal";
    case PUSHC_ERR_MEMORY:
        return "out of memory";
    case PUSHC_ERR_STATE:
        return "not possible in this state";
    case PUSHC_ERR_SYSTEM:
        return "the system gave no descriptor, thread or random bytes";
    case PUSHC_ERR_TIMEOUT:
        return "no answer in time";
    case PUSHC_ERR_CLOSED:
        return "stopped by the application";
    case PUSHC_ERR_NETWORK:
        return "no connection, or it broke";
    case PUSHC_ERR_TLS:
        return "the TLS handshake failed";
    case PUSHC_ERR_DEADLINE:
        return "connecting took too long";
    case PUSHC_ERR_SILENCE:
        return "the stream fell silent";
    case PUSHC_ERR_PROTOCOL:
        return "the server does not speak the protocol";
    case PUSHC_ERR_TOO_LARGE:
        return "an event is too large";
    case PUSHC_ERR_REDIRECT:
        return "a redirect that is not followed";
    case PUSHC_ERR_AUTH:
        return "the server refused access";
    case PUSHC_ERR_HTTP:
        return "the server refused the request";
    case PUSHC_ERR_OVERLOAD:
        return "the server has no capacity now";
    case PUSHC_ERR_NO_CONTENT:
        return "the server has nothing for this client";
    case PUSHC_ERR_SUPERSEDED:
        return "a newer stream of this device is open";
    case PUSHC_ERR_GOODBYE:
        return "the server closed the stream in order";
    case PUSHC_ERR_TOKEN:
        return "the token hook failed";
    default:
        return "unknown status";
    }
}
