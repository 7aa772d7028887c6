#ifndef PUSH_DIGITS_H
#define PUSH_DIGITS_H

#include <stdint.h>
#include <string.h>

/* Room for any number. */
#define PUSH_DIGITS_MAX 20u

/* A number in decimal, without a NUL; returns where it ends. */
static inline char *push_put_number(char *at, uint64_t number)
{
    char digits[PUSH_DIGITS_MAX];
    size_t first = sizeof(digits);
    size_t len;

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    len = sizeof(digits) - first;
    memcpy(at, digits + first, len);
    return at + len;
}

#endif
