#!/usr/bin/env bash
# Trains one of the shipped weights for so many minutes on a machine with one GPU, from packs that `img2img data pack` made.
#
#     benchmarks/train_gpu.sh upscale-4x-photo 25 runs/photo photos.zip crops.zip
#
# A trial of half a minute finds how many images fit into the minutes, so that the learning rate ends at zero when they are over.
# The same command goes on where a call was stopped; MINUTES_A_CALL ends each call by itself, saved. The options that follow `--`
# go to `img2img train` as they are. Printed at the end: images a second, the share of time spent waiting for data, peak memory.
set -euo pipefail

name=$1 minutes=$2 run=$3
shift 3
data=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do data+=(--data "$1"); shift; done
[ $# -gt 0 ] && shift

case $name in
  upscale-4x-photo)
    recipe=(upscale --preset srgan --init upscale-4x-photo --precision bf16 --batch 8 --set data.patch=48 --set loss.lpips=0.25
      --set loss.perceptual=0.4 --set loss.perceptual_every=2 --set loss.phase=40 --set adversary.weight=0.03
      --set adversary.network.width=64 --learning-rate 2e-4) ;;
  upscale-4x-fidelity)
    recipe=(upscale --preset srresnet --init upscale-4x-fidelity --batch 16 --set data.patch=48 --learning-rate 5e-4) ;;
  upscale-2x-fidelity)
    recipe=(upscale --scale 2 --preset srresnet --init upscale-4x-fidelity --batch 16 --set data.patch=48 --learning-rate 8e-4) ;;
  inpaint-photo)
    recipe=(inpaint --preset photo --init inpaint-photo --precision bf16 --batch 8 --size 160 --set loss.lpips=0.6
      --set adversary.weight=0.05 --learning-rate 4e-4) ;;
  translate-restore)
    recipe=(translate --preset restore --init translate-restore --batch 16 --size 96 --set loss.pixel=mse --set loss.pixel_weight=100
      --learning-rate 4e-4) ;;
  *)
    echo "no recipe for '$name'; there are upscale-4x-photo, upscale-4x-fidelity, upscale-2x-fidelity, inpaint-photo, translate-restore" >&2
    exit 2 ;;
esac

train() { ${PYTHON:-python3} -m img2img train "${recipe[@]}" "${data[@]}" --set training.validate_every=1000000000 "$@"; }

if [ ! -e "$run/images" ]; then
  rm -rf "$run.trial"
  train --run "$run.trial" --images 1000000000 --max-minutes "${TRIAL_MINUTES:-0.5}" "$@"
  mkdir -p "$run"
  mv "$run.trial/cache" "$run/"
  ${PYTHON:-python3} - "$run.trial/metrics.jsonl" "$minutes" > "$run/images" <<'PYTHON'
import json, sys

rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
speed = [row["speed"] for row in rows if "speed" in row][-1]
print(int(0.93 * speed * 60 * float(sys.argv[2])) // 64 * 64)
PYTHON
  rm -rf "$run.trial"
fi
train --run "$run" --images "$(cat "$run/images")" ${MINUTES_A_CALL:+--max-minutes "$MINUTES_A_CALL"} "$@"
