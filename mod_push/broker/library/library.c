#include "broker/library/library.h"

#include <string.h>

#include "broker/library/call.h"

void push_library_load(push_command_t *command, unsigned partition,
                       bool replace)
{
    push_command_begin(command, partition);
    push_command_string(command, "FUNCTION");
    push_command_string(command, "LOAD");
    if (replace) {
        push_command_string(command, "REPLACE");
    }
    push_command_text(command, push_library_text());
}

/* "ERR Library 'push' already exists" */
bool push_library_is_loaded(const push_reply_t *reply)
{
    static const char there[] = "ERR Library 'push' already exists";
    push_text_t text = push_reply_text(reply);

    switch (push_reply_kind(reply)) {
    case PUSH_REPLY_TEXT:
        return text.len == 4 && memcmp(text.at, "push", 4) == 0;
    case PUSH_REPLY_ERROR:
        return text.len >= sizeof(there) - 1
               && memcmp(text.at, there, sizeof(there) - 1) == 0;
    default:
        return false;
    }
}

bool push_vm_read(push_text_t text, push_vm_t *vm)
{
    unsigned version = 0;
    uint32_t i = 0;

    *vm = (push_vm_t){.version = 0};
    if (!text.len || text.len >= sizeof(vm->id)
        || memchr(text.at, '\0', text.len)) {
        return false;
    }
    while (i < text.len && i < 6 && text.at[i] >= '0' && text.at[i] <= '9') {
        version = version * 10 + (unsigned)(text.at[i++] - '0');
    }
    if (!i || i == text.len || text.at[i] != '-') {
        return false;
    }
    memcpy(vm->id, text.at, text.len);
    vm->version = version;
    return true;
}

void push_library_hello(push_command_t *command, const push_home_t *home)
{
    push_call_begin(command, home, "push_hello", 1);
    push_call_key(command, home, PUSH_KEY_HEADER);
    push_command_unsigned(command, home->partition);
}

bool push_library_hello_reply(const push_reply_t *reply,
                              push_hello_reply_t *hello)
{
    push_parts_t parts = push_parts(reply, 3);

    hello->now = (int64_t)push_part_number(&parts, 1, PUSH_MS_MAX);
    hello->age = (int64_t)push_part_number(&parts, 2, PUSH_MS_MAX);
    return push_vm_read(push_part_text(&parts, 0), &hello->vm) && !parts.wrong;
}
