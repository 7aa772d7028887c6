#include <string.h>

#include "broker/library/call.h"
#include "import/transfer_internal.h"

/*
 * Idempotency keys.  What their audience was is not in their records.  Where
 * their message is alive it tells; else the partition is one of the sixteen
 * of the shard that the mid names, and each of them gets the key: ids are
 * digests of the audience too, so no other request can meet it there.
 */

#define PARTITIONS_OF_A_SHARD 16u

/* As push_publish() leaves it: request, tick u56, recipients and connected. */
#define ANSWER 23

typedef struct {
    push_transfer_t *transfer;
    push_key_record_t key;
    uint64_t tick;
    int64_t left; /* ms */
} answer_t;

static void put(char **at, uint64_t number, unsigned count)
{
    while (count--) {
        *(*at)++ = (char)(number >> (8 * count));
    }
}

static void write_answer(const answer_t *answer, char bytes[ANSWER])
{
    const push_receipt_t *receipt = &answer->key.receipt;

    put(&bytes, answer->key.request, 8);
    put(&bytes, answer->tick, 7);
    put(&bytes, receipt->recipients, 4);
    put(&bytes, receipt->connected, 4);
}

/* *written: else it was there. */
static bool write_at(const answer_t *answer, unsigned partition, bool *written)
{
    push_target_t *target = answer->transfer->target;
    push_home_t home = push_target_home(target, partition);
    char bytes[ANSWER];
    push_request_t request;

    write_answer(answer, bytes);
    push_request_init(&request, partition);
    push_command_string(&request.command, "SET");
    push_library_key(&request.command, &home, PUSH_KEY_ANSWER,
                     (push_text_t){(const char *)answer->key.id,
                                   PUSH_KEY_BYTES});
    push_call_bytes(&request.command, bytes, sizeof(bytes));
    push_command_string(&request.command, "PX");
    push_command_number(&request.command, answer->left);
    push_command_string(&request.command, "NX");
    if (!push_target_call(target, &request)) {
        return false;
    }
    *written |= push_reply_kind(request.reply) == PUSH_REPLY_STATUS;
    push_request_cleanup(&request);
    return true;
}

static bool write_everywhere(const answer_t *answer, bool *written)
{
    unsigned first = push_mid_shard(answer->key.receipt.mid)
                     * PARTITIONS_OF_A_SHARD;

    for (unsigned i = 0; i < PARTITIONS_OF_A_SHARD; i++) {
        if (!write_at(answer, first + i, written)) {
            return false;
        }
    }
    return true;
}

static bool transfer_key(answer_t *answer)
{
    push_transfer_t *transfer = answer->transfer;
    const push_moved_t *moved = push_moves_find(&transfer->moves,
                                                answer->key.receipt.mid);
    bool written = false;
    bool well;

    answer->tick = push_tick_of_mid(answer->key.receipt.mid);
    if (moved && moved->mid) {
        answer->tick = push_tick_of_mid(moved->mid);
        well = write_at(answer, push_partition_of_mid(moved->mid), &written);
    }
    else {
        well = write_everywhere(answer, &written);
    }
    if (well && written) {
        transfer->keys.written++;
    }
    else if (well) {
        transfer->keys.there++;
    }
    return well;
}

bool push_transfer_keys(push_transfer_t *transfer)
{
    const push_record_list_t *list = &transfer->source->keys;

    for (size_t i = 0; i < list->count; i++) {
        const push_record_t *record = list->at[i];
        answer_t answer = {.transfer = transfer,
                           .left = record->expires - push_clock_now().wall};

        if (answer.left <= 0
            || !push_key_read(push_transfer_key(record),
                              push_transfer_value(record), &answer.key)) {
            transfer->keys.expired++;
        }
        else if (!transfer_key(&answer)) {
            return false;
        }
    }
    return true;
}
