/* vectors.c - read tests/vectors. */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "needs.h"

json_t *vectors_load(const char *name)
{
    const char *dir = getenv("PUSH_VECTORS");
    json_error_t error;
    char path[512];
    json_t *rows;

    snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/vectors", name);
    rows = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (!json_is_array(rows) || json_array_size(rows) == 0) {
        ck_abort_msg("%s: %s", path, error.text);
    }
    return rows;
}

static char *repeat(const json_t *text, size_t *length)
{
    const char *s = json_string_value(json_object_get(text, "repeat"));
    size_t times = (size_t)json_integer_value(json_object_get(text, "times"));
    size_t n = s ? strlen(s) : 0;
    char *out = malloc(n * times + 1);
    size_t i;

    NEEDS(s && out, "repeat: no text, or no memory");
    for (i = 0; i < times; i++) {
        memcpy(out + i * n, s, n);
    }
    *length = n * times;
    return out;
}

static char *decode(const json_t *base64, size_t *length)
{
    size_t n = json_string_length(base64);
    char *out = malloc(n + 1);
    long got;

    NEEDS(out, "no memory");
    got = pushc_base64_decode(json_string_value(base64), n, out);
    NEEDS(got >= 0, "base64: no such");
    *length = (size_t)got;
    return out;
}

static char *join(const json_t *parts, size_t *length)
{
    char *out = malloc(1);
    size_t i;

    *length = 0;
    for (i = 0; i < json_array_size(parts); i++) {
        size_t n;
        char *part = vectors_text(json_array_get(parts, i), &n);

        out = realloc(out, *length + n + 1);
        NEEDS(out, "no memory");
        memcpy(out + *length, part, n);
        *length += n;
        free(part);
    }
    return out;
}

char *vectors_text(const json_t *text, size_t *length)
{
    char *out;

    if (json_is_array(text)) {
        return join(text, length);
    }
    if (json_object_get(text, "repeat")) {
        return repeat(text, length);
    }
    if (json_object_get(text, "base64")) {
        return decode(json_object_get(text, "base64"), length);
    }
    NEEDS(json_is_string(text), "a text is no string");
    *length = json_string_length(text);
    out = malloc(*length + 1);
    NEEDS(out, "no memory");
    memcpy(out, json_string_value(text), *length);
    return out;
}

const char *vectors_string(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

double vectors_number(const json_t *row, const char *name)
{
    return json_number_value(json_object_get(row, name));
}
