/*
 * riders.c - many clients of the C SDK in one process, each with a thread of
 * its own as the SDK gives it one. What they see goes to stdout, as lines for
 * push-checker.
 *
 *     riders PORT USER COUNT CHANNEL
 *
 * Client i is the device d0 of user USERi and follows the channel. SIGTERM ends
 * all of them in order.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pushc.h"

#define ACK_MS     500
#define SILENCE_MS 7000

/* Of the client's thread, but for the handle. */
struct rider {
    char name[80]; /* "USER/DEVICE", as the lines name it */
    pushc_client *client;
    int conn; /* numbers its streams */
    int open;
};

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static int on_message(void *ctx, pushc_message *m)
{
    struct rider *rider = ctx;
    double t = now_ms();

    printf("{\"t\":%.6f,\"what\":\"received\",\"device\":\"%s\","
           "\"conn\":%d,\"seq\":%llu,\"mid\":\"%s\"}\n",
           t, rider->name, rider->conn, (unsigned long long)m->seq, m->mid);
    printf("{\"t\":%.6f,\"what\":\"delivered\",\"device\":\"%s\","
           "\"mid\":\"%s\",\"key\":\"%.*s\"}\n",
           t, rider->name, m->mid, (int)strcspn(m->data, " "), m->data);
    return PUSHC_DONE;
}

static void on_open(struct rider *rider)
{
    rider->open = 1;
    rider->conn++;
    printf("{\"t\":%.6f,\"what\":\"connected\",\"device\":\"%s\","
           "\"conn\":%d}\n",
           now_ms(), rider->name, rider->conn);
}

static void on_end(struct rider *rider, int status)
{
    if (!rider->open) {
        return;
    }
    rider->open = 0;
    printf("{\"t\":%.6f,\"what\":\"cut\",\"device\":\"%s\",\"conn\":%d,"
           "\"silent\":%d,\"why\":\"%s\"}\n",
           now_ms(), rider->name, rider->conn,
           status == PUSHC_ERR_SILENCE ? SILENCE_MS : 0,
           pushc_strerror(status));
}

static void on_event(void *ctx, const pushc_event *e)
{
    struct rider *rider = ctx;

    if (e->kind == PUSHC_OPEN) {
        on_open(rider);
    }
    else if (e->kind == PUSHC_WAITING || e->kind == PUSHC_STOPPED) {
        on_end(rider, e->status);
    }
    else if (e->kind == PUSHC_GAP) {
        printf("{\"t\":%.6f,\"what\":\"gap\",\"device\":\"%s\","
               "\"dropped\":%llu}\n",
               now_ms(), rider->name, (unsigned long long)e->dropped);
    }
}

static int start(struct rider *rider, char **words, int i)
{
    pushc_options o = PUSHC_OPTIONS_INIT;
    char url[64], query[80];
    const char *channel = words[4];

    snprintf(url, sizeof(url), "http://127.0.0.1:%s/ramen", words[1]);
    snprintf(query, sizeof(query), "user=%s%d", words[2], i);
    snprintf(rider->name, sizeof(rider->name), "%s%d/d0", words[2], i);
    printf("{\"t\":%.6f,\"what\":\"device\",\"device\":\"%s\","
           "\"user\":\"%s%d\",\"channels\":[\"%s\"]}\n",
           now_ms(), rider->name, words[2], i, channel);
    o.url = url;
    o.query = query;
    o.device = "d0";
    o.channels = &channel;
    o.channel_count = 1;
    o.ctx = rider;
    o.on_message = on_message;
    o.on_event = on_event;
    o.transport = PUSHC_TRANSPORT_STREAM;
    o.ack_ms = ACK_MS;
    o.silence_ms = SILENCE_MS;
    if (pushc_client_create(&o, &rider->client) != PUSHC_OK) {
        return 0;
    }
    return pushc_client_start(rider->client) == PUSHC_OK;
}

/* All at once, then each until it has: so it takes the time of one. */
static void end_all(struct rider *riders, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        pushc_client_stop(riders[i].client);
    }
    for (i = 0; i < count; i++) {
        pushc_client_destroy(riders[i].client);
    }
}

int main(int argc, char **argv)
{
    int i, signal_number, count = argc == 5 ? atoi(argv[3]) : 0;
    struct rider *riders = calloc((size_t)count + 1, sizeof(*riders));
    sigset_t end;

    if (count <= 0 || riders == NULL) {
        fprintf(stderr, "usage: riders PORT USER COUNT CHANNEL\n");
        free(riders);
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &end, NULL);
    for (i = 0; i < count; i++) {
        if (!start(&riders[i], argv, i)) {
            fprintf(stderr, "%s cannot start\n", riders[i].name);
            return 1;
        }
    }
    sigwait(&end, &signal_number);
    end_all(riders, count);
    free(riders);
    return 0;
}
