#include "websocket/utf8.h"

/*
 * A state is how the next byte has to be, and what comes behind it.  Four lead
 * bytes narrow their second byte, or overlong forms, surrogates and what is
 * beyond U+10FFFF could be written.
 */
enum { WHOLE, ONE, TWO, THREE, AFTER_E0, AFTER_ED, AFTER_F0, AFTER_F4 };

static const struct {
    unsigned char least;
    unsigned char most;
    uint8_t next;
} states[] = {[ONE] = {0x80, 0xbf, WHOLE},    [TWO] = {0x80, 0xbf, ONE},
              [THREE] = {0x80, 0xbf, TWO},    [AFTER_E0] = {0xa0, 0xbf, ONE},
              [AFTER_ED] = {0x80, 0x9f, ONE}, [AFTER_F0] = {0x90, 0xbf, TWO},
              [AFTER_F4] = {0x80, 0x8f, TWO}};

/* Behind the first byte of a character. */
static uint8_t behind_lead(unsigned char c)
{
    if (c < 0x80) {
        return WHOLE;
    }
    if (c < 0xc2 || c > 0xf4) {
        return PUSH_UTF8_WRONG;
    }
    if (c < 0xe0) {
        return ONE;
    }
    if (c < 0xf0) {
        return c == 0xe0 ? AFTER_E0 : c == 0xed ? AFTER_ED : TWO;
    }
    return c == 0xf0 ? AFTER_F0 : c == 0xf4 ? AFTER_F4 : THREE;
}

uint8_t push_utf8_check(uint8_t state, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len && state != PUSH_UTF8_WRONG; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (state == WHOLE) {
            state = behind_lead(c);
        }
        else if (c < states[state].least || c > states[state].most) {
            state = PUSH_UTF8_WRONG;
        }
        else {
            state = states[state].next;
        }
    }
    return state;
}
