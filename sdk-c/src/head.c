/* head.c - the fields of an answer's head that a client goes by. */
#include "head.h"

#include <string.h>
#include <strings.h>

/* More than any number of ours means; the product with 1000 fits. */
#define NUMBER_MAX 1000000000000u

struct field {
    const char *value; /* without spaces around it */
    size_t length;
};

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether the line is of the field of this name. */
static int find(const char *line, size_t n, const char *name, struct field *f)
{
    size_t length = strlen(name);

    if (n <= length || strncasecmp(line, name, length) != 0
        || line[length] != ':') {
        return 0;
    }
    f->value = line + length + 1;
    f->length = n - length - 1;
    while (f->length > 0 && is_space(f->value[0])) {
        f->value++;
        f->length--;
    }
    while (f->length > 0 && is_space(f->value[f->length - 1])) {
        f->length--;
    }
    return 1;
}

/* Digits and nothing else, at most NUMBER_MAX; 0 where it is none. */
static uint64_t number(const struct field *f)
{
    uint64_t n = 0;
    size_t i;

    for (i = 0; i < f->length; i++) {
        if (f->value[i] < '0' || f->value[i] > '9') {
            return 0;
        }
        n = n * 10 + (uint64_t)(f->value[i] - '0');
        n = n > NUMBER_MAX ? NUMBER_MAX : n;
    }
    return n;
}

static void copy(const struct field *f, char *out, size_t size)
{
    if (f->length < size) {
        memcpy(out, f->value, f->length);
        out[f->length] = '\0';
    }
}

/* RFC 9110, section 10.2.3. Every form of a date begins with a letter. */
static void take_retry_after(struct pushc_head *head, const struct field *f)
{
    char first = f->length > 0 ? f->value[0] : '\0';

    head->retry_after = number(f) * 1000;
    if ((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z')) {
        copy(f, head->retry_date, sizeof(head->retry_date));
    }
}

static void take_session(struct pushc_head *head, const struct field *f)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                "tuvwxyz0123456789_-";
    size_t i;

    for (i = 0; i < f->length; i++) {
        if (f->value[i] == '\0' || !strchr(legal, f->value[i])) {
            return;
        }
    }
    copy(f, head->session, sizeof(head->session));
}

void pushc_head_line(struct pushc_head *head, const char *line, size_t n)
{
    struct field f;

    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        memset(head, 0, sizeof(*head));
    }
    else if (find(line, n, "Retry-After", &f)) {
        take_retry_after(head, &f);
    }
    else if (find(line, n, "Push-Session", &f)) {
        take_session(head, &f);
    }
    else if (find(line, n, "Push-Cursor", &f)) {
        copy(&f, head->cursor, sizeof(head->cursor));
    }
    else if (find(line, n, "Push-Window", &f)) {
        head->window = number(&f);
    }
    else if (find(line, n, "Push-Max-Message", &f)) {
        head->max_message = number(&f);
    }
}

int pushc_head_is_temporary(long http_status)
{
    return http_status == 408 || http_status == 425 || http_status == 429
           || http_status >= 500;
}

/* RFC 9110, section 8.3.1: the type has no case; ";" begins a parameter. */
int pushc_head_is_stream(const char *content_type)
{
    static const char wanted[] = "text/event-stream";
    size_t n = sizeof(wanted) - 1;

    if (strncasecmp(content_type, wanted, n) != 0) {
        return 0;
    }
    while (content_type[n] == ' ' || content_type[n] == '\t') {
        n++;
    }
    return content_type[n] == '\0' || content_type[n] == ';';
}
