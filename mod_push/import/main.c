#include <inttypes.h>
#include <stdio.h>

#include "import/transfer_internal.h"

/* The exit status, as options.c tells it. */
enum { DONE, WRONG, REFUSED, BROKE_OFF, INCOMPLETE };

static int say(int status, const char *what, const char *why)
{
    fprintf(stderr, "push-import: %s%s%s\n", what, *what ? " " : "", why);
    return status;
}

static void print_source(const push_source_t *source)
{
    printf("push-import: the state has %zu messages, %zu devices, %zu "
           "idempotency keys, %zu revocations; %" PRIu64
           " more have expired\n",
           source->messages.count, source->devices.count, source->keys.count,
           source->revoked.count, source->recovery.restored.expired);
}

static void warn_of_losses(const push_source_t *source)
{
    const push_recovery_t *recovery = &source->recovery;

    if (push_source_is_damaged(source)) {
        fprintf(stderr,
                "push-import: the state is damaged%s%s: %" PRIu64
                " records are lost%s%s; devices are told of a gap\n",
                recovery->why.text[0] ? ": " : "", recovery->why.text,
                recovery->damaged + recovery->restored.invalid,
                recovery->cut ? ", and all behind the damage" : "",
                recovery->logs ? ", and what was in a log" : "");
    }
    if (recovery->restored.laters) {
        fprintf(stderr,
                "push-import: %" PRIu64
                " publications for later (Push-At) stay behind: a cluster "
                "keeps none\n",
                recovery->restored.laters);
    }
    if (recovery->restored.assigned) {
        fprintf(stderr,
                "push-import: of %" PRIu64
                " users it stays behind to which channels the server "
                "subscribes them: a cluster does not\n",
                recovery->restored.assigned);
    }
}

static void print_kind(const char *kind, const push_transferred_t *figures)
{
    printf("push-import: %s: %" PRIu64 " written, %" PRIu64
           " were there, %" PRIu64 " have expired meanwhile, %" PRIu64
           " lost\n",
           kind, figures->written, figures->there, figures->expired,
           figures->lost);
}

static void print_all(const push_transfer_t *transfer)
{
    print_kind("messages", &transfer->messages);
    print_kind("devices", &transfer->devices);
    print_kind("idempotency keys", &transfer->keys);
    print_kind("revocations", &transfer->revocations);
    if (transfer->revocations.lost) {
        fprintf(stderr,
                "push-import: %" PRIu64 " revocations are of users of whom "
                "the state has nothing else, by which they could be named: "
                "revoke them again (docs/cluster.md)\n",
                transfer->revocations.lost);
    }
}

static bool transfer_all(push_transfer_t *transfer)
{
    return push_transfer_revocations(transfer)
           && push_transfer_messages(transfer) && push_transfer_keys(transfer)
           && push_transfer_devices(transfer);
}

static int transfer_to(push_source_t *source, push_target_t *target)
{
    push_transfer_t transfer = {.source = source, .target = target};
    int status = DONE;

    if (!push_moves_create(&transfer.moves, source->messages.at,
                           source->messages.count)) {
        status = say(BROKE_OFF, "", "no memory");
    }
    else if (!transfer_all(&transfer)) {
        print_all(&transfer);
        status = say(BROKE_OFF, "it broke off:", target->why);
    }
    else {
        print_all(&transfer);
        if (transfer.revocations.lost || transfer.devices.lost
            || push_source_is_damaged(source)) {
            status = INCOMPLETE;
        }
    }
    push_moves_cleanup(&transfer.moves);
    return status;
}

static int run(const push_import_options_t *options, push_source_t *source)
{
    push_target_t target;
    int status;

    warn_of_losses(source);
    if (options->dry_run) {
        print_source(source);
        return push_source_is_damaged(source) ? INCOMPLETE : DONE;
    }
    if (push_target_open(&target, options, source->store.segment->hash_key)) {
        print_source(source);
        status = transfer_to(source, &target);
    }
    else {
        status = say(REFUSED, "", target.why);
    }
    push_target_close(&target);
    return status;
}

int main(int argc, char **argv)
{
    push_import_options_t options;
    push_source_t source;
    push_sentence_t why;
    int status;

    switch (push_import_options(argc, argv, &options)) {
    case PUSH_IMPORT_SAID:
        return DONE;
    case PUSH_IMPORT_WRONG:
        return WRONG;
    default:
        break;
    }
    if (push_source_open(&source, options.dir, &why)) {
        status = run(&options, &source);
    }
    else {
        status = say(REFUSED, options.dir, why.text);
    }
    push_source_close(&source);
    return status;
}
