#include "simulation/network.h"

#include <string.h>

#include "simulation/client.h"
#include "simulation/publish.h"
#include "simulation/server.h"

static void drop(sim_t *s, unsigned index)
{
    s->packets_count--;
    memmove(&s->packets[index], &s->packets[index + 1],
            (s->packets_count - index) * sizeof(sim_packet_t));
}

void sim_send(sim_t *s, const sim_packet_t *packet)
{
    if (s->packets_count == SIM_PACKETS) {
        drop(s, 0);
    }
    s->packets[s->packets_count] = *packet;
    s->packets[s->packets_count++].sent = s->now.mono;
}

static void answer(sim_t *s, const sim_packet_t *request, sim_kind_t kind,
                   push_status_t status)
{
    sim_packet_t packet = *request;

    packet.kind = kind;
    packet.status = status;
    sim_send(s, &packet);
}

static void arrive(sim_t *s, const sim_packet_t *packet)
{
    switch (packet->kind) {
    case SIM_CONNECT:
        sim_server_connect(s, packet);
        break;
    case SIM_ACK:
        answer(s, packet, SIM_ACKED, sim_server_ack(s, packet));
        break;
    case SIM_ACKED:
        sim_client_acked(s, packet);
        break;
    case SIM_PUBLISH:
        answer(s, packet, SIM_PUBLISHED, sim_publish_arrives(s, packet->who));
        break;
    case SIM_PUBLISHED:
        sim_publish_answered(s, packet);
        break;
    }
}

/* A publish without a key, and an answer, comes once. */
static bool repeatable(const sim_t *s, const sim_packet_t *packet)
{
    return packet->kind == SIM_CONNECT || packet->kind == SIM_ACK
           || (packet->kind == SIM_PUBLISH && s->publishes[packet->who].keyed);
}

void sim_carry(sim_t *s, unsigned index, sim_fortune_t fortune)
{
    sim_packet_t packet = s->packets[index];

    if (fortune != SIM_ARRIVES_AND_STAYS || !repeatable(s, &packet)) {
        drop(s, index);
    }
    /* Beyond its window a key protects nothing. */
    if (fortune != SIM_IS_LOST && s->now.mono - packet.sent < SIM_KEY_MS / 2) {
        arrive(s, &packet);
    }
}

static bool of_process(const sim_packet_t *packet, int client)
{
    return (packet->kind == SIM_CONNECT || packet->kind == SIM_ACKED)
           && packet->who == client;
}

void sim_forget_process(sim_t *s, int client)
{
    for (unsigned i = s->packets_count; i-- > 0;) {
        if (of_process(&s->packets[i], client)) {
            drop(s, i);
        }
    }
}

void sim_forget_all(sim_t *s)
{
    s->packets_count = 0;
}
