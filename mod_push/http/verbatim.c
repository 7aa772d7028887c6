#include "http/verbatim.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <stdlib.h>

#include "core/ids.h"

/* What is said of a connection, and of how a body comes over it. */
static bool is_of_connection(const char *name)
{
    static const char *const names[] = {"Connection",
                                        "Content-Length",
                                        "Keep-Alive",
                                        "Proxy-Connection",
                                        "Proxy-Authenticate",
                                        "TE",
                                        "Trailer",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "Proxy-Authorization"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcasecmp(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* field-vchar, blanks and tabs, RFC 9110, section 5.5 */
static bool is_text(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool push_verbatim_header_valid(const char *name, const char *value)
{
    size_t len = strspn(name, "!#$%&'*+-.^_`|~0123456789"
                              "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return len && !name[len] && is_text(value);
}

bool push_verbatim_reason_valid(const char *reason)
{
    return is_text(reason);
}

static int add_header(void *data, const char *name, const char *value)
{
    apr_array_header_t *lines = data;

    if (!is_of_connection(name)) {
        APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(
            lines->pool, name, ": ", value, "\r\n", NULL);
    }
    return 1;
}

/* "200 OK" */
static const char *status_line(apr_pool_t *pool, const push_verbatim_t *answer)
{
    const char *usual = answer->reason ? NULL
                                       : ap_get_status_line(answer->code);

    return usual && atoi(usual) == answer->code
               ? usual
               : apr_psprintf(pool, "%d %s", answer->code,
                              answer->reason ? answer->reason : "");
}

push_text_t push_verbatim_write(apr_pool_t *pool,
                                const push_verbatim_t *answer)
{
    apr_array_header_t *lines = apr_array_make(pool, 8, sizeof(const char *));
    bool bare = answer->code == HTTP_NO_CONTENT
                || answer->code == HTTP_NOT_MODIFIED;
    push_text_t body = {0};
    const char *head;
    char *all;
    size_t len;

    if (!bare) {
        body = answer->body;
    }
    if (answer->headers) {
        apr_table_do(add_header, lines, answer->headers, NULL);
    }
    if (!answer->headers || !apr_table_get(answer->headers, "Cache-Control")) {
        add_header(lines, "Cache-Control", "no-store");
    }
    head = apr_psprintf(
        pool, "HTTP/1.1 %s\r\n%s%sConnection: close\r\n\r\n",
        status_line(pool, answer), apr_array_pstrcat(pool, lines, '\0'),
        bare ? "" : apr_psprintf(pool, "Content-Length: %u\r\n", body.len));
    len = strlen(head);
    all = apr_palloc(pool, len + body.len);
    memcpy(all, head, len);
    if (body.len) {
        memcpy(all + len, body.at, body.len);
    }
    return (push_text_t){all, (uint32_t)(len + body.len)};
}

/* ---- read back ---- */

/* "HTTP/1.1 200 OK" */
static bool read_status(char *line, push_verbatim_t *answer)
{
    static const char version[] = "HTTP/1.1 ";
    size_t len = sizeof(version) - 1;
    uint64_t code = 0;

    if (strncmp(line, version, len) || strspn(line + len, "0123456789") != 3
        || line[len + 3] != ' ' || !push_number_parse(line + len, 3, &code)
        || code < 200 || code > 599) {
        return false;
    }
    answer->code = (int)code;
    answer->reason = line + len + 4;
    return push_verbatim_reason_valid(answer->reason);
}

static bool read_header(char *line, apr_table_t *headers)
{
    char *value = strstr(line, ": ");

    if (!value) {
        return false;
    }
    *value = '\0';
    value += 2;
    if (!push_verbatim_header_valid(line, value)) {
        return false;
    }
    if (!is_of_connection(line)) {
        apr_table_addn(headers, line, value);
    }
    return true;
}

int64_t push_verbatim_read(apr_pool_t *pool, push_text_t bytes,
                           push_verbatim_t *answer)
{
    static const char end[] = "\r\n\r\n";
    const char *found = bytes.len ? memmem(bytes.at, bytes.len, end, 4) : NULL;
    apr_table_t *headers = apr_table_make(pool, 8);
    char *line, *next, *last;

    if (!found) {
        return 0;
    }
    *answer = (push_verbatim_t){.headers = headers};
    line = apr_pstrmemdup(pool, bytes.at, (size_t)(found - bytes.at) + 2);
    last = line + (found - bytes.at) + 2;
    for (next = strstr(line, "\r\n"); next; next = strstr(line, "\r\n")) {
        *next = '\0';
        if (answer->code ? !read_header(line, headers)
                         : !read_status(line, answer)) {
            return -1;
        }
        line = next + 2;
    }
    /* A NUL cut it short. */
    return line == last ? found + 4 - bytes.at : -1;
}
