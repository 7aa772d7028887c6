#include "http/publish/receipt.h"

#include <string.h>

#include "core/digits.h"

static size_t put_text(char *at, const char *text)
{
    size_t len = strlen(text);

    memcpy(at, text, len);
    return len;
}

size_t push_receipt_write(const push_receipt_t *receipt, char *text)
{
    char *at = text;

    at += put_text(at, "{\"id\":\"");
    push_mid_write(receipt->mid, at);
    at += PUSH_MID_CHARS;
    at += put_text(at, "\",\"recipients\":");
    at = push_put_number(at, receipt->recipients);
    at += put_text(at, ",\"connected\":");
    at = push_put_number(at, receipt->connected);
    if (receipt->refused) {
        at += put_text(at, ",\"refused\":");
        at = push_put_number(at, receipt->refused);
    }
    at += put_text(at, "}\n");
    return (size_t)(at - text);
}

size_t push_receipt_write_later(uint64_t id, char *text)
{
    char *at = text;

    at += put_text(at, "{\"id\":\"");
    push_mid_write(id, at);
    at += PUSH_MID_CHARS;
    at += put_text(at, "\",\"scheduled\":true}\n");
    return (size_t)(at - text);
}
