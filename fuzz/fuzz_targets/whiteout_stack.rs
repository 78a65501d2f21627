//! Layers stacked: every visible path has folders above it, and every link resolves or does not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_fuzz::{archive, read_layer};
use supercargo_layer::{EntryKind, FileTree};

fuzz_target!(|script: &[u8]| {
    let layers = script.split(|&byte| byte == b'|').map(archive);
    let deltas: Vec<_> = layers.map(|blob| read_layer(&blob).unwrap_or_default().delta).collect();
    let tree = FileTree::stack(&deltas);
    for (path, _) in tree.iter() {
        let parent = path.parent().filter(|parent| !parent.is_root());
        assert!(
            parent.is_none_or(|parent| tree.get(&parent).is_some_and(|n| n.kind == EntryKind::Directory))
        );
        assert!(tree.resolve(path).is_none_or(|path| path.is_root() || tree.get(&path).is_some()));
    }
});
