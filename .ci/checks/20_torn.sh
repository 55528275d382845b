# A killed run is recovered and verifies up to its end; a tape without one trade does not verify.
"$TS" run --headless --set metrics.port=0 >/dev/null &
pid=$!
sleep 12
kill -9 $pid
wait $pid 2>/dev/null || true
"$TS" replay last --verify | tee "$WORK/torn"
grep -q ': equal,' "$WORK/torn"
grep -q 'torn' "$WORK/torn"

"$TS" run --headless --for 15s --set metrics.port=0
dir=$(ls -d "$WORK"/state/tickscope/sessions/* | tail -1)
different=0
for seq in 300 600 900 1200 1500 1800; do
  rm -f "$WORK/cut.mcap"
  "$TS" tape cut "$dir" --drop $seq -o "$WORK/cut.mcap" >/dev/null
  code=0
  "$TS" replay "$WORK/cut.mcap" --verify > "$WORK/cut.txt" || code=$?
  case $code in
    0) ;; # a frame that changed nothing
    5) different=$((different + 1)); head -c 400 "$WORK/cut.txt"; echo ;;
    *) echo "exit $code"; exit 1 ;;
  esac
done
[ $different -gt 0 ]
