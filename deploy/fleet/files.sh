#!/bin/sh
# Runs on the old instances, where the volumes are mounted too: moves a folder's files to a volume, and back (docs/targets.md).
#   files.sh copy        fleet.copyFiles
#   files.sh differing   fleet.filesDiffering
#   files.sh use         fleet.useFiles
# SHARES is the folder in which each volume is mounted under its name (/mnt/cutover). A volume has a file .cutover-volume at its top:
# a folder on which nothing is mounted is never taken for an empty volume.
set -eu

marker=.cutover-volume
folder=${CUTOVER_FOLDER:?}
disk=$folder.disk
share=${SHARES:-/mnt/cutover}/${CUTOVER_VOLUME:?}

fail() {
  echo "$1" >&2
  exit 1
}

[ -f "$share/$marker" ] || fail "$share has no $marker: mount the volume there, and make that file on it once."
# While the volume is used, the folder is a link to it, and what was there is beside it.
if [ -L "$folder" ]; then
  [ "$(readlink "$folder")" = "$share" ] || fail "$folder is a link to another place than $share."
  uses=new
elif [ -d "$folder" ]; then
  [ ! -e "$disk" ] || fail "Both $folder and $disk are there: remove the one that is not used."
  disk=$folder
  uses=old
else
  # Ended between two renames.
  [ -d "$disk" ] || fail "$folder is not there."
  uses=neither
fi

# EFS keeps neither access lists nor extended attributes.
sync_to() { # FROM TO OPTION...
  from=$1
  to=$2
  shift 2
  rsync --archive --hard-links --numeric-ids --delete --exclude="/$marker" "$@" "$from/" "$to/"
}

changed_by() { # OPTION...
  case ${CUTOVER_FROM:?} in
    old)
      # What the instances use is the volume already.
      [ "$uses" != new ] || return 0
      sync_to "$disk" "$share" "$@"
      ;;
    new) sync_to "$share" "$disk" "$@" ;;
    *) fail "CUTOVER_FROM is $CUTOVER_FROM; accepted: old, new" ;;
  esac
}

copy() {
  set --
  [ "${CUTOVER_CHECKSUMS:?}" = no ] || set -- --checksum
  # 24: the application deleted a file meanwhile.
  changed_by "$@" || [ $? = 24 ]
}

differing() {
  changes=$(changed_by --dry-run --itemize-changes)
  if [ -z "$changes" ]; then echo 0; else printf '%s\n' "$changes" | wc -l; fi
}

use() {
  case ${CUTOVER_FILES_SIDE:?} in
    new)
      [ "$uses" != old ] || mv "$folder" "$folder.disk"
      [ "$uses" = new ] || ln -s "$share" "$folder"
      ;;
    old)
      [ "$uses" != new ] || rm "$folder"
      [ "$uses" = old ] || mv "$disk" "$folder"
      ;;
    *) fail "CUTOVER_FILES_SIDE is $CUTOVER_FILES_SIDE; accepted: old, new" ;;
  esac
}

case ${1:-} in
  copy | differing | use) "$1" ;;
  *) fail "files.sh copy, differing or use" ;;
esac
