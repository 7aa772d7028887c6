#ifndef PUSH_CORE_CHECKIN_H
#define PUSH_CORE_CHECKIN_H

#include "core/device.h"
#include "core/ids.h"

/* A device that comes, and the stream that it gets. */

/* How users begin by which the server proves that it delivers; http/probe.c. */
#define PUSH_PROBE_USER      "$health/"
#define PUSH_PROBE_RETENTION 5000 /* ms; such a device is remembered */

/* No broadcast is for a user whose name begins with $: the server's own. */
typedef struct push_checkin_t {
    push_text_t user;
    push_text_t labels[PUSH_LABELS]; /* the device id and app are its name */
    const push_text_t *channels;     /* at most PUSH_CHANNELS_OWN */
    unsigned channels_count;
    bool from_oldest; /* new subscriptions begin at what is still kept */
    bool made_up;     /* the device id was made up by the server */
    bool explicit_acks;
    bool traced;  /* PushTrace names the user */
    bool if_away; /* PUSH_BUSY if the device has a stream */
    push_urgency_t lowest;
    uint32_t max_in_flight;
    uint32_t max_streams;         /* of this user */
    uint32_t max_devices;         /* likewise; the longest away goes */
    uint32_t max_subscriptions;   /* in channels, of all its devices */
    uint32_t max_streams_address; /* 0: any number */
    uint32_t elsewhere; /* streams of its address that other nodes have */
    uint32_t waited;    /* ms that its request waited for this process */
    const push_cursor_t *cursor; /* NULL: none was given */
    unsigned seat;               /* of the reactor that will hold it */
    unsigned transport;          /* PUSH_BY_TRANSPORT_* */
    /*
     * In a cluster: the fence that a claim gave for a context that is nowhere
     * yet; 0: the context has to be here, and ours.  On one machine unused.
     */
    uint32_t fence;
    bool unsure; /* likewise: another node may have it, which nobody says */
} push_checkin_t;

/* A stream, as it is known to whoever claimed it and to its reactor. */
typedef struct push_stream_ref_t {
    push_ref_t device;
    uint32_t gen;
    unsigned char id[PUSH_CONTEXT_BYTES];
} push_stream_ref_t;

#endif
