#ifndef PUSH_LIBRARY_H
#define PUSH_LIBRARY_H

#include "broker/library/keys.h"
#include "redis/reply.h"

/*
 * The function library `push` that the masters run: its text (lua/, one file a
 * theme, joined by the build) and its number.  A master has it from
 * FUNCTION LOAD; a newer node replaces an older library, never the other way.
 * Arguments of functions are only ever appended, and what a function does not
 * know it ignores, so nodes of two versions can use one library.
 */

/* As lua/push.lua says; a test compares both. */
#define PUSH_LIBRARY_VERSION 4u

push_text_t push_library_text(void);

/* FUNCTION LOAD [REPLACE]: replace only what push_library_older() says of. */
void push_library_load(push_command_t *command, unsigned partition,
                       bool replace);

/* The load failed since another node was quicker: that is as good. */
bool push_library_is_loaded(const push_reply_t *reply);

/*
 * Which library a master runs; "Function not found" is an error reply.  After
 * a load it is asked again: two nodes of different versions may have loaded at
 * once, and the older one may have been the last.
 */
void push_library_hello(push_command_t *command, const push_home_t *home);

/* What a master's library says of itself in answers. */
typedef struct push_vm_t {
    char id[24]; /* terminated; another one after each load or failover */
    unsigned version;
} push_vm_t;

typedef struct push_hello_reply_t {
    push_vm_t vm;
    int64_t now; /* Redis ms */
    int64_t age; /* ms since the first call of this VM */
} push_hello_reply_t;

/* All _reply functions: false if it is no answer of that function, an error
 * included.  Texts in the struct are borrowed from the reply. */
bool push_library_hello_reply(const push_reply_t *reply,
                              push_hello_reply_t *hello);

bool push_vm_read(push_text_t text, push_vm_t *vm);

static inline bool push_library_older(unsigned version)
{
    return version < PUSH_LIBRARY_VERSION;
}

#endif
