/* What one run of pushbench is to do: the command line, parsed and checked. */
#ifndef PUSHBENCH_OPTIONS_H
#define PUSHBENCH_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#define PB_MIN_PAYLOAD         64
#define PB_MAX_PAYLOAD         60000
#define PB_STREAMS_PER_PROCESS 18000 /* of 20,000 descriptors */

enum pb_target { PB_PUSH, PB_NCHAN, PB_BARE };
enum pb_mode { PB_IDLE, PB_FANOUT, PB_UNICAST, PB_HOLD, PB_AWAY, PB_NONE };

/* Filled by pb_options_parse, read by all; strings point into argv. */
struct pb_options {
    enum pb_target target;
    enum pb_mode mode;
    bool ndjson;               /* publish on one endless body, else by POST */
    bool polls;                /* subscribers poll, else they have streams */
    struct sockaddr_in server; /* where it listens */
    const char *prefix;        /* of user and channel names of this run */
    const char *device;        /* device parameter of mod_push; "" = none */
    unsigned streams;          /* subscribers */
    unsigned warm;             /* idle: streams opened before measuring */
    unsigned procs;            /* subscriber processes, at least */
    unsigned sources;          /* source addresses 127.0.0.2 and on */
    unsigned connecting;       /* connects at a time, over all processes */
    unsigned conns;            /* publisher connections */
    unsigned depth;            /* POSTs in flight a connection */
    unsigned window;           /* NDJSON lines in flight a connection */
    unsigned ahead;            /* deliveries owed a stream before waiting */
    unsigned size;             /* payload bytes */
    unsigned rate;             /* messages a second; 0 = as fast as it goes */
    unsigned servers;          /* bare: processes that serve */
    unsigned nodes;            /* servers, at consecutive ports */
    unsigned apart;            /* 1: streams are not where is published */
    unsigned follow;           /* 1: hold: all follow one channel */
    unsigned tls;              /* port for subscribers by TLS; 0 = plain */
    double warmup;             /* s before the measured time */
    double seconds;            /* s measured */
    unsigned spare;            /* MiB of memory to leave; 0 = not watched */
    pid_t server_pid;          /* root of its processes; 0 = not measured */
};

/*
 * Parse the command line. Returns true, or false after it has said on stderr
 * what is wrong.
 */
bool pb_options_parse(struct pb_options *options, int argc, char **argv);

/* How far behind the first port is the server of the i-th publisher. */
static inline unsigned pb_publisher_node(const struct pb_options *options,
                                         unsigned i)
{
    return options->apart ? 0 : i % options->nodes;
}

/* The same of the i-th stream. */
static inline unsigned pb_stream_node(const struct pb_options *options,
                                      unsigned i)
{
    return options->apart && options->nodes > 1 ? 1 + i % (options->nodes - 1)
                                                : i % options->nodes;
}

/* Whether the run publishes and nobody receives. */
static inline bool pb_only_publishes(const struct pb_options *options)
{
    return options->mode == PB_AWAY || options->mode == PB_NONE;
}

/* The names of the run's target and mode, for its report. */
const char *pb_target_name(enum pb_target target);
const char *pb_mode_name(enum pb_mode mode);

#endif
