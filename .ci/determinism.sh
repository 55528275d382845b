#!/usr/bin/env bash
# The same decisions everywhere: 200 seeded sessions twice, the demo and recorded traffic in debug and
# release builds, in two locales and two time zones.
source "$(dirname "$0")/lib.sh"
debug=${TICKSCOPE_DEBUG_BIN:-$here/target/debug/tickscope}
[[ -x $debug ]] || (cd "$here" && cargo build --quiet --locked) || fail "no debug build"

start=$SECONDS
ends "200 seeded sessions of 60 s, each twice" 0 "$bin" selftest --seeds 200 --json
cp said seeds.json
holds "200 seeds" seeds.json '.different == [] and .seeds == 200 and .fills > 1000 and .gaps > 100'
echo "     $((SECONDS - start)) s, $(jq -c '{inputs, records, signals, fills, restores, output_hash}' seeds.json)"
jq -r '.different[].command' seeds.json

# everywhere WHAT ARGUMENTS...: both builds, two locales, two time zones; one output hash of all
everywhere() {
    local what=$1 hashes=hashes.$RANDOM binary locale zone
    shift
    : >"$hashes"
    for binary in "$bin" "$debug"; do
        for locale in C tr_TR.UTF-8; do
            for zone in UTC Asia/Kathmandu; do
                env LC_ALL="$locale" LANG="$locale" TZ="$zone" "$binary" "$@" >said 2>&1 ||
                    { fail "$what, $binary, $locale, $zone: $(tail -c 1000 said)"; return; }
                tail -n 1 said | jq -r .output_hash >>"$hashes"
            done
        done
    done
    same "$what: hashes of $(wc -l <"$hashes") runs in two builds, locales and time zones" \
        "$(sort -u "$hashes" | wc -l)" 1
    echo "     $(sort -u "$hashes" | head -n 3)"
}

ends "demo" 0 "$bin" run --headless --for 15s
everywhere "replay of the demo" replay "$(basename "$(newest)")" --verify --json
zstd -dqc "$tapes"/binance_spot_btcusdt_ethusdt_first300s.raw.zst >first.raw
ends "import" 0 "$bin" tape import --format raw first.raw -o first.mcap
everywhere "backtest of recorded traffic" backtest --tape first.mcap --json
# In a debug build all seeds would take minutes: three say whether the build matters.
everywhere "three seeds" selftest --seeds 3 --seconds 20 --json
