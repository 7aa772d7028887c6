#include "core/hash.h"

#include <string.h>

typedef struct {
    uint64_t a, b, c, d;
} sip_t;

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(sip_t *s)
{
    s->a += s->b;
    s->b = rotate(s->b, 13) ^ s->a;
    s->a = rotate(s->a, 32);
    s->c += s->d;
    s->d = rotate(s->d, 16) ^ s->c;
    s->a += s->d;
    s->d = rotate(s->d, 21) ^ s->a;
    s->c += s->b;
    s->b = rotate(s->b, 17) ^ s->c;
    s->c = rotate(s->c, 32);
}

static void sip_word(sip_t *s, uint64_t word)
{
    s->d ^= word;
    sip_round(s);
    sip_round(s);
    s->a ^= word;
}

uint64_t push_hash(const uint64_t key[2], const void *data, size_t len)
{
    const unsigned char *p = data;
    const unsigned char *end = p + len / 8 * 8;
    uint64_t word;
    sip_t s = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
               key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};

    for (; p < end; p += 8) {
        memcpy(&word, p, 8);
        sip_word(&s, word);
    }
    word = 0;
    if (len % 8) {
        memcpy(&word, p, len % 8);
    }
    sip_word(&s, word | (uint64_t)len << 56);
    s.c ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(&s);
    }
    return s.a ^ s.b ^ s.c ^ s.d;
}
