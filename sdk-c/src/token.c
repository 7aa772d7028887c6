/* token.c - the bearer token of a handle. */
#include "token.h"

#include <string.h>

int pushc_token_ask(struct pushc_token *t, const struct pushc_settings *set)
{
    const pushc_options *o = &set->o;
    int status;

    if (!o->on_token) {
        return PUSHC_OK;
    }
    t->text[0] = '\0';
    status = o->on_token(o->ctx, t->rejected, t->text, sizeof(t->text));
    t->text[sizeof(t->text) - 1] = '\0';
    if (status != PUSHC_OK || strpbrk(t->text, "\r\n")) {
        t->text[0] = '\0';
        return PUSHC_ERR_TOKEN;
    }
    t->rejected = 0;
    return PUSHC_OK;
}

void pushc_token_reject(struct pushc_token *t)
{
    t->rejected = 1;
    t->text[0] = '\0';
}

const char *pushc_token_text(const struct pushc_token *t,
                             const struct pushc_settings *set)
{
    return t->text[0] != '\0' ? t->text : set->o.token;
}
