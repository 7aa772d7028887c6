#ifndef PUSH_SETTINGS_H
#define PUSH_SETTINGS_H

#include <httpd.h>

#include <ap_expr.h>
#include <stdint.h>

#include "core/class.h"
#include "core/commit.h"
#include "http/capture_settings.h"
#include "http/identity/claims.h"

/*
 * The configuration as the handlers read it; server/config.c fills it in.
 * Every number is in the unit that its comment gives.
 */

/* The only symbol that the module exports. */
extern __attribute__((visibility("default")))
module AP_MODULE_DECLARE_DATA push_module;

/* PushCluster and what belongs to it.  NULL: not set. */
typedef struct push_cluster_settings_t {
    const apr_array_header_t *urls; /* const char *; NULL: no cluster */
    const char *secret;             /* path of a file */
    const char *prefix;             /* of all keys in Redis */
    const char *url;                /* of this node; NULL: not told */
    const char *ca, *cert, *key;    /* paths of files */
} push_cluster_settings_t;

/* A region that PushRelay names.  NULL: not set. */
typedef struct push_relay_settings_t {
    const char *url;
    const char *name;       /* told apart by it */
    const char *token, *ca; /* paths of files */
    push_urgency_t urgency; /* what is less urgent is not for it */
} push_relay_settings_t;

/* For the whole server. */
typedef struct push_global_t {
    int64_t shm_size;       /* bytes */
    int64_t idempotency;    /* ms */
    int64_t reactors;       /* threads a child */
    int64_t max_streams;    /* a child; 0: as many as descriptors allow */
    int64_t max_blocking;   /* streams a child that hold a worker thread */
    int64_t max_publishers; /* NDJSON requests a child; 0: of its threads */
    int64_t history;        /* messages a channel */
    int64_t max_pending;    /* messages a mailbox */
    int64_t max_channels;   /* brought into being by subscribers; 0: auto */
    int64_t retention;      /* ms */
    int64_t drain_time;     /* ms */
    int64_t jwt_lifetime;   /* ms; the longest that a token may be valid */
    int64_t events_ttl;     /* ms; of the server's own messages */
    int presence;           /* 1: who comes and goes is told */
    int positions;          /* 1: devices may say where they are */
    int64_t position_age;   /* ms; an older position counts as none */
    int64_t largest;        /* bytes; PushMaxMessageSize at most, anywhere */
    const char *state_dir;  /* NULL: nothing is kept on disk */
    int64_t state_size;     /* bytes */
    const apr_array_header_t *traced; /* const char *: patterns of users */
    const apr_array_header_t *events; /* push_class_name_t; NULL: none */
    push_durability_t durability;
    push_cluster_settings_t cluster;
    int64_t replicas; /* that have a message under `commit` */
    int64_t linger;   /* ms; a device that is away stays with its node */
    int64_t patience; /* ms; a node without Redis keeps its streams */
    apr_array_header_t *relays; /* push_relay_settings_t; NULL: none */
    int64_t relay_keep;         /* ms; a message waits for a region */
    int64_t relay_entries;      /* of a partition, for a region */
    int64_t relay_size;         /* bytes, likewise */
    apr_array_header_t *rules;  /* push_rule_t *: triggers; NULL: none */
    struct push_rule_t *rule;   /* whose section is being read */
} push_global_t;

typedef enum push_user_kind_t {
    PUSH_USER_UNSET,
    PUSH_USER_AUTH,  /* REMOTE_USER */
    PUSH_USER_QUERY, /* a parameter: for development */
    PUSH_USER_EXPR,
    PUSH_USER_JWT /* a claim of a token */
} push_user_kind_t;

#define PUSH_LEEWAY_MAX 300000 /* ms; of PushJWTLeeway */

/* Tokens.  NULL: not set. */
typedef struct push_jwt_settings_t {
    const apr_array_header_t *keyfiles;  /* push_keyfile_t * */
    const char *issuer;                  /* of iss; NULL: any */
    const apr_array_header_t *audiences; /* const char *: of aud */
    const char *cookie;                  /* may bring a token; NULL: none */
    push_claim_names_t claims;
} push_jwt_settings_t;

_Static_assert(sizeof(push_jwt_settings_t) % sizeof(void *) == 0,
               "push_config_jwt_merge() takes it for pointers");

typedef enum push_endpoint_kind_t {
    PUSH_ENDPOINT_SUBSCRIBE, /* handler push */
    PUSH_ENDPOINT_ADMIN      /* handler push-admin */
} push_endpoint_kind_t;

/* The kind of an endpoint, by PushEndpoint; see http/endpoint.h. */
typedef struct push_endpoint_t {
    push_endpoint_kind_t kind;
    const char *base; /* path of the Location, without a slash at its end */
    int guarded;      /* 1: a Require stands beside PushEndpoint */
} push_endpoint_t;

/* For a server, a virtual host or a directory. */
typedef struct push_settings_t {
    int64_t heartbeat;           /* ms */
    int64_t retry;               /* ms */
    int64_t max_in_flight;       /* messages */
    int64_t max_wait;            /* ms; of a poll */
    int64_t write_timeout;       /* ms */
    int64_t max_streams_user;    /* streams of one user */
    int64_t max_devices_user;    /* device contexts of one user */
    int64_t max_channels_device; /* channels that one device follows */
    int64_t max_channels_user;   /* that the devices of one user follow */
    int64_t max_streams_address; /* of one address; 0: any number */
    int64_t publisher_rate;      /* publishes a second; 0: any number */
    int64_t user_rate;           /* messages a second; 0: any number */
    int64_t default_ttl;         /* ms */
    int64_t max_ttl;             /* ms */
    int64_t max_message_size;    /* bytes */
    int64_t jwt_leeway;          /* ms */
    push_user_kind_t user_kind;
    const char *user_parameter;         /* PUSH_USER_QUERY */
    const ap_expr_info_t *user_expr;    /* PUSH_USER_EXPR */
    const apr_array_header_t *channels; /* const char *: patterns */
    const apr_array_header_t *origins;  /* const char * */
    const push_endpoint_t *endpoint;    /* NULL: nothing is served */
    const char *dashboard; /* directory; "": off, NULL: the compiled-in one */
    push_jwt_settings_t jwt;
    push_capture_settings_t capture;
} push_settings_t;

static inline const push_settings_t *push_settings(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &push_module);
}

#endif
