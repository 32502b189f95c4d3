"""Definition and pins -> one image per stack that the study needs, looked at from inside before anything runs in it.

Used with --sdm apptainer alone. The code is not in the images: the working tree is bound.
REQUIRES  a container engine; a Debian mirror and the Python package index, or images named in config.yaml
PROVIDES  <containers>/{stack}.sif and, written inside of it, {stack}.json (versions, GPU generations, digests)
RERUNS    never by itself: an image of another definition is refused before any work, and so are results from another image
"""


localrules:
    build_image,
    inspect_image,
    containers,


rule containers:
    input:
        inspections=PLAN.inspections(*PLAN.stacks),


rule build_image:
    output:
        image=f"{PLAN.config['containers']}/{{stack}}.sif",
    log:
        f"{PLAN.config['containers']}/logs/{{stack}}.build.log",
    params:
        source=lambda wildcards: PLAN.image_source(wildcards.stack),
        # asking for `output` tells Snakemake that another mirror builds nothing again
        mirror=lambda wildcards, output: PLAN.mirror_option,
    run:  # the one job that cannot be in a container
        shell(
            "python -m noisegrid build-image {wildcards.stack:q} {params.source:q} {params.mirror:q}"
            " --output {output.image:q} 2> {log:q}"
        )


rule inspect_image:
    input:
        image=f"{PLAN.config['containers']}/{{stack}}.sif",
    output:
        inspection=f"{PLAN.config['containers']}/{{stack}}.json",
    log:
        f"{PLAN.config['containers']}/logs/{{stack}}.inspect.log",
    container:
        lambda wildcards: PLAN.image(wildcards.stack)
    shell:
        "python -m noisegrid inspect-image {wildcards.stack:q} --image {input.image:q}"
        " --output {output.inspection:q} 2> {log:q}"
