# The screen in a real terminal at three sizes: a filled order and a decision with its reason in
# 30 s, `q` and SIGTERM leave the terminal as it was.
export TERM=xterm-256color
tmux() { command tmux -L "tickscope-ci-$$" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null || true' EXIT
screen() { tmux capture-pane -p -t "$1"; }
wait_for() { # session, pattern, seconds
  for _ in $(seq $(($3 * 5))); do screen "$1" | grep -qE "$2" && return 0; sleep 0.2; done
  echo "no $2 on the screen:"; screen "$1"; return 1
}
drive() { # session, columns, rows, how it ends
  tmux new-session -d -s "$1" -x "$2" -y "$3" "bash --norc"
  tmux send-keys -t "$1" "stty -g > $WORK/$1.before; $TS run --set metrics.port=0; echo code=\$?; stty -g > $WORK/$1.after" Enter
  wait_for "$1" 'DEMO' 20
  wait_for "$1" 'FILLED' 40
  wait_for "$1" 'BLOCKED|position' 10
  screen "$1" | head -12
  if [ "$4" = q ]; then
    tmux send-keys -t "$1" q
    wait_for "$1" 'code=0' 20
    wait_for "$1" '^replay ' 5
  else
    pkill -TERM -P "$(tmux display-message -p -t "$1" '#{pane_pid}')" tickscope
    wait_for "$1" 'code=0' 20
  fi
  for _ in $(seq 50); do [ -s "$WORK/$1.after" ] && break; sleep 0.1; done
  cmp "$WORK/$1.before" "$WORK/$1.after"
  [ "$(tmux display-message -p -t "$1" '#{alternate_on}#{mouse_any_flag}#{cursor_flag}')" = 001 ]
}
drive middle 120 40 q
drive small 80 24 q
drive large 200 50 term
