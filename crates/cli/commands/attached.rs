//! `supercargo attached`.

use serde_json::{Value, json};
use supercargo::{AttachedKind, AttachedNode, Error, clean};

use super::setup;
use crate::args::{AttachedArgs, Common};
use crate::environment::Environment;
use crate::output;

/// Draws the tree, or prints it as JSON.
pub(crate) fn run(args: &AttachedArgs, common: &Common) -> Result<(), Error> {
    let session = setup::session(common, &Environment::read())?;
    let (reference, resolved) = setup::open(&session, &args.target, common)?;
    let store = session.attachments(&reference)?;
    let mut roots = Vec::new();
    for image in &resolved.images {
        for root in supercargo::attached(image, store.as_ref(), session.limits())? {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
    }
    if args.json {
        let roots: Vec<_> = roots.iter().map(node_json).collect();
        return output::stdout(format!("{:#}\n", Value::Array(roots)).as_bytes());
    }
    let mut text = format!("{}\n", clean(&args.target.reference));
    draw(&roots, "", &mut text);
    output::stdout(text.as_bytes())
}

fn draw(nodes: &[AttachedNode], indent: &str, text: &mut String) {
    for (position, node) in nodes.iter().enumerate() {
        let is_last = position + 1 == nodes.len();
        let (branch, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        text.push_str(&format!("{indent}{branch}{}\n", line(node)));
        draw(&node.children, &format!("{indent}{below}"), text);
    }
}

fn line(node: &AttachedNode) -> String {
    let descriptor = &node.descriptor;
    let what = match &node.kind {
        AttachedKind::Index => "index".to_owned(),
        AttachedKind::Image => match &descriptor.platform {
            Some(platform) => format!("image {platform}"),
            None => "image".to_owned(),
        },
        AttachedKind::Bundle { predicate_type } => {
            format!("bundle {}", predicate_type.as_deref().unwrap_or("of unknown predicate"))
        }
        AttachedKind::Tagged { ending } => format!("tag .{ending}"),
        AttachedKind::Unsigned { predicate_types } => {
            format!("unsigned {}", predicate_types.join(", "))
        }
        AttachedKind::Other => {
            descriptor.artifact_type.as_ref().map_or_else(|| "artifact".to_owned(), ToString::to_string)
        }
    };
    clean(&format!("{what} {}", descriptor.digest))
}

fn node_json(node: &AttachedNode) -> Value {
    let descriptor = &node.descriptor;
    let kind = match &node.kind {
        AttachedKind::Index => "index",
        AttachedKind::Image => "image",
        AttachedKind::Bundle { .. } => "bundle",
        AttachedKind::Tagged { .. } => "tagged",
        AttachedKind::Unsigned { .. } => "unsigned",
        AttachedKind::Other => "artifact",
    };
    json!({
        "kind": kind,
        "digest": descriptor.digest.to_string(),
        "mediaType": descriptor.media_type.as_str(),
        "size": descriptor.size,
        "artifactType": descriptor.artifact_type.as_ref().map(ToString::to_string),
        "platform": descriptor.platform.as_ref().map(ToString::to_string),
        "annotations": descriptor.annotations,
        "attached": node.children.iter().map(node_json).collect::<Vec<_>>(),
    })
}
