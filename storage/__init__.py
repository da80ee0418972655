"""Bytes by path or address: local folders, `s3://`, `gs://` and `minio://`.

Other rooms use `locations` for any place, `output_files` for a file that a person named, and `json_files`.
"""
