#ifndef PUSH_MASTERS_H
#define PUSH_MASTERS_H

#include "broker/library/followed.h"
#include "broker/node/node.h"
#include "redis/slots.h"

/*
 * What the words say of masters and partitions.  The link's thread alone
 * changes it, but for the last functions.
 */

/* 64 bits of any text that Redis gives; never 0. */
uint64_t push_masters_hash(push_text_t text);

/* The epoch of a partition's data, of the 8 bytes of an answer; 0: none. */
uint64_t push_masters_epoch(const unsigned char *epoch);

/*
 * The index in the words of the master of this address; one that is new takes
 * the place of one that has no partition any more.
 */
unsigned push_masters_index(push_cluster_words_t *words,
                            const push_slots_t *slots,
                            const push_address_t *address);

/*
 * Each partition's home is as the map says.  One that has moved is suspect.
 * True if some have.
 */
bool push_masters_follow(push_cluster_words_t *words,
                         const push_slots_t *slots);

/* All partitions of the master (an index of the words) are suspect. */
void push_masters_suspect(push_cluster_words_t *words, unsigned master);

/* Every partition is. */
void push_masters_suspect_all(push_cluster_words_t *words);

/* ---- any thread ---- */

static inline bool push_partition_suspect(const push_cluster_words_t *words,
                                          unsigned partition)
{
    return atomic_load(&words->states[partition]) & PUSH_PARTITION_SUSPECT;
}

/*
 * Each suspicion has a number of its own, so that a resync that began before
 * it does not end it.  Gives the number, 0: none.
 */
unsigned push_partition_suspicion(const push_cluster_words_t *words,
                                  unsigned partition);

/* The partition is well, unless it became suspect once more. */
bool push_partition_mended(push_cluster_words_t *words, unsigned partition,
                           unsigned suspicion);

/*
 * The epoch that an answer about a log was given in (8 bytes): where it is
 * another one than the partition's, the log may be followed no more.
 */
void push_partition_answered(push_cluster_words_t *words, unsigned partition,
                             const unsigned char *epoch);

/*
 * What Redis said to counts of a log that is LIVE here: where this node does
 * not follow it, as an unfollow came late, it lacks what was published since.
 */
void push_partition_counted(push_cluster_words_t *words, unsigned partition,
                            const push_followed_t *followed);

/* This node has another number: its inboxes there begin at their first entry. */
void push_masters_other_inboxes(push_cluster_words_t *words);

/* It is suspect, once more if it was. */
void push_partition_suspected(push_cluster_words_t *words, unsigned partition);

#endif
