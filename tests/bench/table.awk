# Turns the figures of tests/bench/bench into a Markdown table: medians over
# the rounds, mod_push beside nchan, and the ratio of the two.

{
    split("", field)
    for (i = 1; i <= NF; i++) {
        eq = index($i, "=")
        field[substr($i, 1, eq - 1)] = substr($i, eq + 1)
    }
    for (name in field) {
        key = field["row"] SUBSEP name SUBSEP field["target"]
        values[key] = values[key] " " field[name]
    }
}

END {
    print "| what | mod_push | nchan | mod_push ÷ nchan | goal |"
    print "| --- | ---: | ---: | ---: | ---: |"
    row("user memory an idle stream, bytes (" idle " streams)", \
        "idle", "bytes_per_stream", "%.0f", "≤ 1/12")
    row("streams opened a second", "idle", "opened_per_s", "%.0f", "")
    row("fan-out to 1,000 streams, fastest publisher¹, deliveries/s", \
        "fanbest", "delivered_per_s", "%.0f", "≥ 20")
    row("— server CPU a delivery, µs", \
        "fanbest", "server_us_per_delivery", "%.3f", "")
    row("fan-out to 1,000 streams, a POST a message², deliveries/s", \
        "fanpost", "delivered_per_s", "%.0f", "")
    row("— server CPU a delivery, µs", \
        "fanpost", "server_us_per_delivery", "%.3f", "")
    row("unicast to 1,000 users, a POST a message², messages/s", \
        "unipost", "delivered_per_s", "%.0f", "≥ 0.6")
    row("— server CPU a message, µs", \
        "unipost", "server_us_per_delivery", "%.1f", "")
    row("unicast to 1,000 users, fastest publisher¹, messages/s", \
        "unibest", "delivered_per_s", "%.0f", "")
    print_row("— NDJSON against a POST a message", \
        median("unibest", "delivered_per_s", "push"), \
        median("unipost", "delivered_per_s", "nchan"), "%.0f", "≥ 10")
    row("— server CPU a message, µs", \
        "unibest", "server_us_per_delivery", "%.1f", "")
    latency("1,000 messages/s to 1,000 users³", "unilat")
    latency("50 messages/s to 1,000 streams³", "fanlat")
    row("framing bytes a message, unicast", "unilat", "framing", "%.1f", "")
    row("framing bytes a message, fan-out", "fanlat", "framing", "%.1f", "")
    total("accepted and not delivered, deliveries", "missing")
    total("refused, messages", "refused")
    total("gaps announced", "gaps")
    print ""
    print "1. mod_push: NDJSON on one endless body. nchan: POSTs, 8 of them in"
    print "   flight (pipelined) on each of 8 connections."
    print "2. 8 connections, one POST in flight on each."
    print "3. From the time at which a message was due to its arrival; a POST"
    print "   a message, 8 connections for the users, one for the fan-out."
}

function median(which, name, target,    list, n, i, j, swap)
{
    n = split(values[which, name, target], list, " ")
    if (n == 0) {
        return ""
    }
    for (i = 2; i <= n; i++) {
        for (j = i; j > 1 && list[j] + 0 < list[j - 1] + 0; j--) {
            swap = list[j]
            list[j] = list[j - 1]
            list[j - 1] = swap
        }
    }
    if (n % 2 == 1) {
        return list[(n + 1) / 2] + 0
    }
    return (list[n / 2] + list[n / 2 + 1]) / 2
}

# 1234567 as 1,234,567
function grouped(text,    sign, whole, rest, dot)
{
    sign = ""
    if (text ~ /^-/) {
        sign = "-"
        text = substr(text, 2)
    }
    dot = index(text, ".")
    rest = dot ? substr(text, dot) : ""
    whole = dot ? substr(text, 1, dot - 1) : text
    while (whole ~ /^[0-9][0-9][0-9][0-9]/) {
        rest = "," substr(whole, length(whole) - 2) rest
        whole = substr(whole, 1, length(whole) - 3)
        if (length(whole) <= 3) {
            break
        }
    }
    return sign whole rest
}

function cell(value, form)
{
    return value == "" ? "—" : grouped(sprintf(form, value))
}

function print_row(title, push, nchan, form, goal,    ratio)
{
    ratio = "—"
    if (push != "" && nchan != "" && nchan != 0) {
        ratio = push / nchan
        ratio = sprintf(ratio < 0.1 ? "%.4f" : ratio < 10 ? "%.2f" : "%.1f", \
                        ratio)
    }
    printf "| %s | %s | %s | %s | %s |\n", title, cell(push, form), \
        cell(nchan, form), ratio, goal
}

function row(title, which, name, form, goal)
{
    print_row(title, median(which, name, "push"), \
              median(which, name, "nchan"), form, goal)
}

function latency(title, which)
{
    row(title ", p50, µs", which, "p50_us", "%.0f", "")
    row("— p90, µs", which, "p90_us", "%.0f", "")
    row("— p99, µs", which, "p99_us", "%.0f", "≤ 1")
    row("— greatest, µs", which, "max_us", "%.0f", "")
}

# The sum over all rows and rounds.
function total(title, name,    key, part, sum, seen, list, n, i)
{
    for (key in values) {
        split(key, part, SUBSEP)
        if (part[2] == name) {
            seen[part[3]] = 1
            n = split(values[key], list, " ")
            for (i = 1; i <= n; i++) {
                sum[part[3]] += list[i]
            }
        }
    }
    printf "| %s | %s | %s | — | |\n", title, \
        cell(("push" in seen) ? sum["push"] + 0 : "", "%.0f"), \
        cell(("nchan" in seen) ? sum["nchan"] + 0 : "", "%.0f")
}
