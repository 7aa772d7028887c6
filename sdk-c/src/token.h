/* token.h - the bearer token of a handle. The driving thread only. */
#ifndef PUSHC_TOKEN_H
#define PUSHC_TOKEN_H

#include "settings.h"

#define PUSHC_TOKEN_MAX 8192 /* with its NUL */

struct pushc_token {
    char text[PUSHC_TOKEN_MAX]; /* the hook's last answer, or "" */
    int rejected; /* the server answered 401: the hook must get a fresh one */
};

/* Ask the hook, if there is one, for the token. PUSHC_OK, or PUSHC_ERR_TOKEN
 * where the hook failed. Blocks as long as the hook does. */
int pushc_token_ask(struct pushc_token *t, const struct pushc_settings *set);

/* The server answered 401. */
void pushc_token_reject(struct pushc_token *t);

/* The token to send: the hook's, else the fixed one; NULL: none. Borrowed
 * until the next call. */
const char *pushc_token_text(const struct pushc_token *t,
                             const struct pushc_settings *set);

#endif
