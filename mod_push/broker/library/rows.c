#include "broker/library/rows.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/call.h"

#define HEAD  5u /* name u8, length u32 */
#define FIRST 1024u

/* Of the limit, for the mark of what is not whole. */
#define SPARE (HEAD + 1)

void push_rows_init(push_rows_t *rows, uint32_t limit)
{
    *rows = (push_rows_t){.limit = limit - SPARE};
}

void push_rows_cleanup(push_rows_t *rows)
{
    free(rows->at);
    rows->at = NULL;
}

static bool reserve(push_rows_t *rows, size_t more)
{
    size_t need = rows->len + more;
    size_t room = rows->room ? rows->room : FIRST;
    char *at;

    if (need <= rows->room && need <= rows->limit) {
        return true;
    }
    while (room < need) {
        room *= 2;
    }
    at = need <= rows->limit ? realloc(rows->at, room) : NULL;
    if (!at) {
        rows->full = true;
        return false;
    }
    rows->at = at;
    rows->room = (uint32_t)room;
    return true;
}

static void write_head(char *at, unsigned name, uint32_t len)
{
    at[0] = (char)name;
    for (int i = 0; i < 4; i++) {
        at[1 + i] = (char)(len >> (24 - 8 * i));
    }
}

void push_rows_text(push_rows_t *rows, unsigned name, push_text_t text)
{
    if (rows->full || !reserve(rows, HEAD + text.len)) {
        return;
    }
    write_head(rows->at + rows->len, name, text.len);
    if (text.len) {
        memcpy(rows->at + rows->len + HEAD, text.at, text.len);
    }
    rows->len += HEAD + text.len;
}

void push_rows_number(push_rows_t *rows, unsigned name, uint64_t number)
{
    char bytes[8];
    uint32_t len = 0;

    while (len < 8 && number >> (8 * len)) {
        len++;
    }
    for (uint32_t i = 0; i < len; i++) {
        bytes[i] = (char)(number >> (8 * (len - 1 - i)));
    }
    if (len) {
        push_rows_text(rows, name, (push_text_t){bytes, len});
    }
}

uint32_t push_rows_begin(push_rows_t *rows, unsigned name)
{
    uint32_t begun = rows->len;

    push_rows_text(rows, name, (push_text_t){NULL, 0});
    return begun;
}

void push_rows_end(push_rows_t *rows, uint32_t begun)
{
    if (rows->full) {
        rows->len = begun;
        return;
    }
    write_head(rows->at + begun, (unsigned char)rows->at[begun],
               rows->len - begun - HEAD);
}

push_text_t push_rows_bytes(push_rows_t *rows)
{
    if (rows->full && rows->limit) {
        rows->full = false;
        rows->limit += SPARE;
        push_rows_number(rows, PUSH_ROWS_MORE, 1);
        rows->full = true;
        rows->limit = 0;
    }
    return (push_text_t){rows->at, rows->len};
}

/* ---- who reads ---- */

bool push_field_next(push_text_t *rest, push_field_t *field)
{
    uint32_t len;

    *field = (push_field_t){.name = 0};
    if (rest->len < HEAD) {
        return false;
    }
    len = (uint32_t)push_big(rest->at + 1, 4);
    if (len > rest->len - HEAD) {
        return false;
    }
    field->name = (unsigned char)rest->at[0];
    field->bytes = (push_text_t){rest->at + HEAD, len};
    rest->at += HEAD + len;
    rest->len -= HEAD + len;
    return true;
}

uint64_t push_field_number(const push_field_t *field)
{
    return field->bytes.len > 8 ? 0
                                : push_big(field->bytes.at, field->bytes.len);
}

static push_field_t find(push_text_t fields, unsigned name)
{
    push_field_t field;

    while (push_field_next(&fields, &field)) {
        if (field.name == name) {
            return field;
        }
    }
    return (push_field_t){.name = 0};
}

push_text_t push_field_text_of(push_text_t fields, unsigned name)
{
    return find(fields, name).bytes;
}

uint64_t push_field_number_of(push_text_t fields, unsigned name)
{
    push_field_t field = find(fields, name);

    return push_field_number(&field);
}
