#include "codec/base64.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* The characters of twelve bits. */
#define ROW(a)                                                                \
    {a, 'A'}, {a, 'B'}, {a, 'C'}, {a, 'D'}, {a, 'E'}, {a, 'F'}, {a, 'G'},     \
        {a, 'H'}, {a, 'I'}, {a, 'J'}, {a, 'K'}, {a, 'L'}, {a, 'M'}, {a, 'N'}, \
        {a, 'O'}, {a, 'P'}, {a, 'Q'}, {a, 'R'}, {a, 'S'}, {a, 'T'}, {a, 'U'}, \
        {a, 'V'}, {a, 'W'}, {a, 'X'}, {a, 'Y'}, {a, 'Z'}, {a, 'a'}, {a, 'b'}, \
        {a, 'c'}, {a, 'd'}, {a, 'e'}, {a, 'f'}, {a, 'g'}, {a, 'h'}, {a, 'i'}, \
        {a, 'j'}, {a, 'k'}, {a, 'l'}, {a, 'm'}, {a, 'n'}, {a, 'o'}, {a, 'p'}, \
        {a, 'q'}, {a, 'r'}, {a, 's'}, {a, 't'}, {a, 'u'}, {a, 'v'}, {a, 'w'}, \
        {a, 'x'}, {a, 'y'}, {a, 'z'}, {a, '0'}, {a, '1'}, {a, '2'}, {a, '3'}, \
        {a, '4'}, {a, '5'}, {a, '6'}, {a, '7'}, {a, '8'}, {a, '9'}, {a, '+'}, \
        {a, '/'},

static const char pairs[4096][2] = {
    ROW('A') ROW('B') ROW('C') ROW('D') ROW('E') ROW('F') ROW('G') ROW('H')
        ROW('I') ROW('J') ROW('K') ROW('L') ROW('M') ROW('N') ROW('O') ROW('P')
            ROW('Q') ROW('R') ROW('S') ROW('T') ROW('U') ROW('V') ROW('W')
                ROW('X') ROW('Y') ROW('Z') ROW('a') ROW('b') ROW('c') ROW('d')
                    ROW('e') ROW('f') ROW('g') ROW('h') ROW('i') ROW('j')
                        ROW('k') ROW('l') ROW('m') ROW('n') ROW('o') ROW('p')
                            ROW('q') ROW('r') ROW('s') ROW('t') ROW('u')
                                ROW('v') ROW('w') ROW('x') ROW('y') ROW('z')
                                    ROW('0') ROW('1') ROW('2') ROW('3')
                                        ROW('4') ROW('5') ROW('6') ROW('7')
                                            ROW('8') ROW('9') ROW('+')
                                                ROW('/')};

/* Of six bytes; but eight can be read. */
static void put_eight(const unsigned char *p, char *text)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    word = be64toh(word);
    memcpy(text, pairs[word >> 52], 2);
    memcpy(text + 2, pairs[word >> 40 & 4095], 2);
    memcpy(text + 4, pairs[word >> 28 & 4095], 2);
    memcpy(text + 6, pairs[word >> 16 & 4095], 2);
}

char *push_base64_encode(const char *bytes, size_t len, char *text)
{
    const unsigned char *p = (const unsigned char *)bytes;
    const unsigned char *whole = p + len / 3 * 3;
    unsigned bits;

    for (; whole - p >= 8; p += 6, text += 8) {
        put_eight(p, text);
    }

    for (; p < whole; p += 3, text += 4) {
        text[0] = digits[p[0] >> 2];
        text[1] = digits[(p[0] << 4 | p[1] >> 4) & 63];
        text[2] = digits[(p[1] << 2 | p[2] >> 6) & 63];
        text[3] = digits[p[2] & 63];
    }
    len %= 3;
    if (!len) {
        return text;
    }
    bits = (unsigned)p[0] << 8 | (len > 1 ? p[1] : 0u);
    text[0] = digits[bits >> 10];
    text[1] = digits[bits >> 4 & 63];
    text[2] = len > 1 ? digits[bits << 2 & 63] : '=';
    text[3] = '=';
    return text + 4;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Characters of padding at the end of the text, two at most. */
static size_t padding_of(const char *text, size_t len)
{
    if (!len || text[len - 1] != '=') {
        return 0;
    }
    return text[len - 2] == '=' ? 2 : 1;
}

bool push_base64_decode(const char *text, size_t len, char *bytes,
                        size_t *count)
{
    size_t padding = len % 4 ? 0 : padding_of(text, len);
    uint32_t bits = 0;
    size_t made = 0;

    if (len % 4) {
        return false;
    }
    for (size_t i = 0; i < len - padding; i++) {
        int value = value_of(text[i]);

        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        if (i % 4) {
            bytes[made++] = (char)(bits >> (6 - 2 * (i % 4)));
        }
    }
    *count = made;
    return true;
}
