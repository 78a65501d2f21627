//! `supercargo ecosystems`: the table, as it is compiled in.

use supercargo::Error;
use supercargo::ecosystems::{ALL, Ecosystem, Want};

use crate::args::EcosystemsArgs;
use crate::output;

/// Prints one line per ecosystem, or JSON.
pub(crate) fn run(args: &EcosystemsArgs) -> Result<(), Error> {
    if args.json {
        let rows: Vec<_> = ALL.iter().map(|ecosystem| row(*ecosystem)).collect();
        return output::stdout(format!("{:#}\n", serde_json::Value::Array(rows)).as_bytes());
    }
    let mut text = String::new();
    for ecosystem in ALL {
        let description = ecosystem.description();
        text.push_str(&format!("{:<8} {:<28} {}\n", ecosystem.id().0, description.title, description.reads));
    }
    output::stdout(text.as_bytes())
}

fn row(ecosystem: &dyn Ecosystem) -> serde_json::Value {
    let description = ecosystem.description();
    serde_json::json!({
        "id": ecosystem.id().0,
        "title": description.title,
        "purlTypes": description.purl_types,
        "reads": description.reads,
        "revision": ecosystem.revision(),
        "wants": ecosystem.wants().iter().map(want).collect::<Vec<_>>(),
    })
}

fn want(want: &Want) -> String {
    match want {
        Want::Path(path) => format!("/{path}"),
        Want::Glob(glob) => (*glob).to_owned(),
        Want::Magic(magic) => format!("magic {}", magic.escape_ascii()),
    }
}
