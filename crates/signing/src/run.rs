//! Waiting for the network from code that is not asynchronous.

use crate::http::HttpSetupError;

/// Runs a future on a thread of its own, so that a caller that is itself asynchronous may call us.
pub(crate) fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, HttpSetupError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| HttpSetupError::Runtime(error.to_string()))?;
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join())
        .map_err(|_| HttpSetupError::Runtime("it ended early".to_owned()))
}
