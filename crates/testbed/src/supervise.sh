# Runs one server, and ends it when nobody holds a lease on its folder any more: a lease is a shared lock on the file
# `lease`, which the kernel gives back however its holder ends.
#
#   sh supervise.sh FOLDER LINGER_S STOP_SIGNAL COMMAND...
#
# After the last lease it waits LINGER_S seconds for another. Then the server gets STOP_SIGNAL, and its folder is removed
# unless there is a file `keep` in it.
folder=$1 linger=$2 stop=$3
shift 3
cd "$folder" || exit 1
exec 8>supervised 9<lease
flock -x 8 || exit 1

"$@" </dev/null >>log 2>&1 8>&- 9>&- &
server=$!
echo "$server" >pid.new && mv pid.new pid

while :; do
    flock -x 9
    [ "$linger" = 0 ] && break
    flock -u 9
    sleep "$linger"
    flock -n -x 9 && break
done
# From here on nobody may come: whoever gets the lock and finds no file knows that he is late.
rm -f lease
flock -u 9

# A number may be another process's by now: ours has us as its parent.
runs() { grep -qs "^PPid:[[:space:]]*$$\$" "/proc/$server/status"; }

if runs; then
    kill -s "$stop" "$server"
    kill -s CONT "$server"
    looks=0
    while runs && [ "$looks" -lt 500 ]; do
        sleep 0.02
        looks=$((looks + 1))
    done
    runs && kill -s KILL "$server"
fi
wait

# A PostgreSQL that was killed leaves a segment of shared memory, which outlives processes and files.
if [ -f data/postmaster.pid ] && [ ! -e keep ]; then
    ipcrm -m "$(sed -n '7s/^ *[0-9]* *//p' data/postmaster.pid)" 2>/dev/null
fi
cd /
[ -e "$folder/keep" ] || rm -rf "$folder"
