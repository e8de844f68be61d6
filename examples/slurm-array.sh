#!/bin/bash
#SBATCH --job-name=skysieve
#SBATCH --array=1-100
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
# Masks the files of a list; each task of the array does one shard. Submit it as
#
#   sbatch slurm-array.sh night.txt masks/ manifests/
#
# and once more to do what is left. To do single shards, as 3 and 7 of 100, keep their number:
#
#   SHARDS=100 sbatch --array=3,7 slurm-array.sh night.txt masks/ manifests/
#
# At the end:  skysieve merge manifests/ -o night.parquet
set -euo pipefail

list=${1:?name the list of files}
masks=${2:?name the folder of the masks}
manifests=${3:?name the folder of the manifests}
shards=${SHARDS:-${SLURM_ARRAY_TASK_COUNT:?run it as an array job}}

# exec: Slurm then sends its signals to the command itself, which writes its manifest before it ends
exec skysieve mask \
    --files-from "$list" \
    --shard "${SLURM_ARRAY_TASK_ID:?run it as an array job}/$shards" \
    --manifest "$manifests" \
    --resume \
    --output "$masks/{stem}.mask.fits" \
    --threads "${SLURM_CPUS_PER_TASK:-1}" \
    --quiet \
    ${SKYSIEVE_OPTIONS:-}
