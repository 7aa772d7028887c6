#ifndef STORE_CRASH_H
#define STORE_CRASH_H

#include "store_shared.h"

/*
 * A process that does everything the store can do, writes down what it was
 * told, and dies somewhere; and a look at what it left behind.
 */

#define CRASH_DEVICES  8
#define CRASH_MESSAGES 16384
#define CRASH_KEYS     64

typedef enum crash_state_t {
    CRASH_NONE,
    CRASH_TRIED,    /* it may have been published */
    CRASH_ACCEPTED, /* its publisher was told so */
    CRASH_EXCUSED   /* it may have ended since, undelivered */
} crash_state_t;

typedef struct crash_message_t {
    uint8_t state; /* crash_state_t */
    uint8_t to;    /* bits: devices */
    uint8_t topic; /* 1: a newer one of its kind will do */
    uint8_t got;   /* bits: devices that received it */
} crash_message_t;

/* Of one client: what it was sent last, and what it was told of losses. */
typedef struct crash_device_t {
    push_cursor_t at;
    uint32_t gaps;
    bool forgotten; /* told that more may be lost than the number says */
} crash_device_t;

/* In memory that outlives the process. */
typedef struct crash_journal_t {
    unsigned number; /* of the process: its names end with it */
    bool alone;      /* no other process uses the store */
    unsigned deaths;
    uint64_t published; /* of which the process was told that it counts */
    uint64_t delivered; /* likewise */
    uint64_t counted[PUSH_COUNTS]; /* as all stood when last looked at */
    push_time_t now;
    uint32_t messages_count;
    crash_message_t messages[CRASH_MESSAGES];
    crash_device_t devices[CRASH_DEVICES];
    uint32_t keys_count;
    int64_t key_times[CRASH_KEYS]; /* mono ms; when first tried */
    uint64_t key_mids[CRASH_KEYS]; /* of what was delivered for each */
    uint32_t laters_count;
    uint8_t later_kept[CRASH_KEYS];  /* 1: who wanted it later was told so */
    uint64_t later_mids[CRASH_KEYS]; /* of what was delivered for each */
} crash_journal_t;

/* Small limits, so that everything happens soon. */
void crash_limits(fixture_t *fixture);

/* Before the process starts: its devices come for the first time. */
void crash_prepare(fixture_t *fixture, crash_journal_t *journal);

/* In the process, from its seat: so many rounds of everything. */
void crash_work(fixture_t *fixture, crash_journal_t *journal, int rounds);

/*
 * After its death: service within a second, a sound structure, nothing lost,
 * nothing twice.  Fails the test otherwise.
 */
void crash_verify(fixture_t *fixture, crash_journal_t *journal);

/*
 * Nothing that was counted is lost, and nothing counts twice: what a process
 * was doing when it died may count or not.  Part of the above.
 */
void crash_counts(fixture_t *fixture, crash_journal_t *journal);

/* Lets everything end; fails the test if memory is lost then. */
void crash_empty(fixture_t *fixture, uint64_t used);

/* Bytes in use, but for what stays for good and grows: tables, one log. */
uint64_t crash_used(const fixture_t *fixture);

/* Publishes what is due of what was kept for later. */
void crash_release(fixture_t *fixture, crash_journal_t *journal);

/* Sweeps as a reactor would, after it took its wake-ups. */
void crash_sweep(fixture_t *fixture);

#endif
