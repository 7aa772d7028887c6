#ifndef PUSH_SEGMENT_H
#define PUSH_SEGMENT_H

#include "core/channel.h"
#include "core/exemplar.h"
#include "core/gone.h"
#include "core/tally.h"
#include "store/shm/deaths.h"
#include "store/shm/feed_words.h"
#include "store/shm/journals.h"
#include "store/shm/later_words.h"
#include "store/shm/prefix.h"
#include "store/shm/retired.h"
#include "store/shm/slab.h"
#include "store/shm/table.h"

/*
 * The shared segment: one piece of memory that the parent makes and all
 * children map, kept over graceful restarts.
 *
 *   header | seats | shards | counts | journals | gone | reports | page table
 *   | pages
 *
 * All is addressed by offsets.  How the header begins: store/shm/prefix.h.
 */

/* Raised where what the layout means changes, and no fact of layout.c does. */
#define PUSH_SEGMENT_VERSION 4u

/* Users, their devices and messages, or channels; and idempotency keys. */
typedef struct push_shard_t {
    _Alignas(64) push_lock_t lock;
    push_table_t users;
    push_table_t contexts;
    push_table_t channels;
    push_table_t keys;
    push_table_t assigned; /* to users; see store/shard/assigned.h */
    push_later_part_t later;
    push_ref_t holds;        /* of its messages; see store/shard/hold.h */
    push_ref_t changing;     /* the device whose session is being changed */
    uint32_t damaged;        /* 1: not repaired since an owner died */
    uint32_t orphans;        /* 1: a wake-up may have been lost on its way */
    _Atomic uint32_t untidy; /* 1: something could not be given back */
    uint32_t traces;         /* devices with a trace; see core/trace.h */
    int64_t strangers_until; /* mono ms, 0: none; see push_store_drop_user() */
    int64_t away_until;      /* the same; see push_forget_away() */
    _Atomic uint32_t messages; /* live, as of the last sweep */
    _Atomic uint32_t crowded;  /* mailboxes that were nearly full then */
} push_shard_t;

/* What is counted with the lock of a shard; never cleared. */
typedef struct push_shard_counts_t {
    push_counts_t by_label; /* see core/counts.h */
    push_tally_t by_class;  /* see core/tally.h */
} push_shard_counts_t;

/* That a reactor lives: written by its thread alone. */
typedef struct push_pulse_t {
    _Atomic int64_t beat;        /* mono ms; when it last looked around */
    _Atomic uint32_t generation; /* of httpd's children, from 0 */
} push_pulse_t;

/* One reactor's part of the segment: its wake-up lists, that it is reading. */
typedef struct push_seat_t {
    _Atomic uint32_t pid;         /* 0: free; PUSH_SEAT_LEFT */
    _Atomic uint32_t incarnation; /* how often it was taken */
    _Atomic uint32_t devices;     /* wake-up list of devices */
    _Atomic uint32_t channels;    /* wake-up list of channels */
    _Atomic uint32_t asleep;      /* 1: wants the eventfd to be written */
    _Atomic uint32_t streams;     /* of this reactor, or on their way to it */
    _Atomic uint64_t reading;     /* epoch + 1 while it reads, or 0 */
    _Atomic uint32_t closed;      /* 1: takes no more streams */
    _Atomic uint32_t visitors;    /* threads of its process in a shard */
    _Atomic uint32_t senders;     /* who may be sending it streams */
    _Atomic uint32_t bridged;     /* of streams: those that hold a worker */
    _Atomic uint16_t taking;      /* 1 while it empties lists it took */
    _Atomic uint16_t overtaken;   /* 1: some stream, with no wake-up */
    _Atomic uint32_t checkins;    /* of its process, under way */
    _Atomic uint32_t limit;       /* the most streams it takes from httpd */
    _Atomic uint32_t reserved;    /* reservations it has at other seats */
    push_counts_t counts;         /* its thread's; never cleared */
    push_counts_t workers;        /* of its process; likewise */
    push_exemplars_t exemplars;   /* its thread's; likewise */
    _Atomic uint32_t carried[PUSH_BY_TRANSPORT_VALUES]; /* of streams */
    _Atomic uint32_t delivered[PUSH_CLASSES]; /* as counts; see core/tally.h */
    _Alignas(64) push_pulse_t pulse;
} push_seat_t;

/* Nobody's; what was bound to it has not been seen to. */
#define PUSH_SEAT_LEFT UINT32_MAX

_Static_assert(offsetof(push_seat_t, counts) == 64, "the rest is one line");
_Static_assert(sizeof(push_shard_t) % 64 == 0, "shards stay apart");
_Static_assert(sizeof(push_shard_counts_t) % 64 == 0, "so do their counts");

/* The parts of a recount; see store/upkeep/recount.h. */
#define PUSH_RECOUNT_SUBSCRIPTIONS 1u /* counts of channels */
#define PUSH_RECOUNT_ARRIVING      2u
#define PUSH_RECOUNT_ALL           3u

typedef struct push_segment_t {
    push_prefix_t prefix;
    uint64_t hash_key[2];
    uint64_t session_key[2]; /* random; names sessions, and never kept */
    int64_t created;         /* wall ms */
    uint32_t node;           /* 0…63, in every mid */
    uint32_t seats;
    push_ref_t broadcast; /* the channel of all devices */
#ifdef PUSH_SEGMENT_SPARE
    uint8_t spare[PUSH_SEGMENT_SPARE]; /* a layout to test upgrades with */
#endif
    uint32_t cluster;         /* 1: of a node of one; see store/shard/copy.h */
    _Atomic uint32_t errands; /* ever begun there; numbers them */
    int64_t made; /* wall ms; older mids were given by another memory */
    int64_t keys_restored; /* mono ms; the end of the keys that disk had */
    push_mid_clock_t clock;
    _Atomic uint64_t recovered; /* locks taken over from a dead process */
    push_counts_t counts;       /* of workers that have no seat */
    _Atomic uint32_t streams;   /* ever opened; numbers them */
    _Atomic uint32_t visitors;  /* as push_seat_t's, of who has no seat */
    _Atomic uint32_t checkins;  /* likewise */
    _Atomic uint32_t recount;   /* PUSH_RECOUNT_*: counts that may be wrong */
    _Atomic int64_t sweep_next; /* mono ms; when a sweep is due */
    _Atomic int64_t vain; /* relief found nothing; see store/ops/pressure.c */
    _Atomic uint32_t starved; /* urgency + 1 of who was refused since, or 0 */
    _Atomic uint32_t walks;   /* of relief, through all shards */
    push_lock_t relief;       /* held by who makes room */
    uint64_t seats_at, shards_at; /* offsets from the start */
    uint64_t counts_at;           /* a push_shard_counts_t for each shard */
    push_lock_t sweep_lock;       /* held by who sweeps */
    uint64_t journals_at;         /* one for each seat */
    uint64_t gone_at;             /* a push_gone_ring_t for each shard */
    uint64_t reports_at;          /* see store/shm/reports.h */
    push_disk_t disk;
    push_deaths_t deaths;
    push_feed_words_t feeds;
    push_later_words_t later;
    push_retired_t retired;
    push_slab_shared_t slab;
} push_segment_t;

/* Lays out size bytes of zeroed memory; false if they are too few. */
bool push_segment_create(void *base, uint64_t size, uint32_t seats,
                         uint64_t layout);

/* In the parent: a child ended (mono ms); if it holds a seat, it died. */
void push_segment_child_ended(push_segment_t *segment, uint32_t pid,
                              int64_t now);

#endif
