//! What a `package.json` is, told by where it lies.

use supercargo_inventory::ImagePath;

/// Where a `package.json` lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the root of an installed package.
    Installed,
    /// Somewhere inside an installed package.
    Inside,
    /// In no `node_modules` at all.
    Outside,
}

/// The place of a `package.json`.
pub(super) fn of(manifest: &ImagePath) -> Place {
    let parts: Vec<&str> = manifest.components().collect();
    let Some(first) = parts.iter().position(|part| *part == "node_modules") else { return Place::Outside };
    let mut rest = parts.get(first..).unwrap_or_default();
    loop {
        rest = match rest {
            ["node_modules", "package.json"] => return Place::Inside,
            // The stores of pnpm and npm keep each version in a folder of its own.
            ["node_modules", store, scope, _, "node_modules", ..]
                if store.starts_with('.') && scope.starts_with('@') =>
            {
                rest.get(4..)
            }
            ["node_modules", store, _, "node_modules", ..] if store.starts_with('.') => rest.get(3..),
            ["node_modules", scope, _, tail @ ..] if scope.starts_with('@') => Some(tail),
            ["node_modules", name, tail @ ..] if !name.starts_with('.') => Some(tail),
            ["package.json"] => return Place::Installed,
            _ => return Place::Inside,
        }
        .unwrap_or_default();
    }
}

/// Whether a path is where a package of `node_modules` would stand, as a folder or link.
pub(super) fn is_slot(path: &ImagePath) -> bool {
    let mut parts = path.components().rev();
    let name = parts.next().unwrap_or_default();
    let above = parts.next().unwrap_or_default();
    !name.starts_with(['.', '@'])
        && (above == "node_modules" || (above.starts_with('@') && parts.next() == Some("node_modules")))
}
