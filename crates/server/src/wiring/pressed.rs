//! The gateway's steward as one who holds bytes and obeys the overload level: what the
//! watch needs of it, and nothing else.

use kernel::Level;
use tidegate_gateway::Steward;
use tidegate_kernel as kernel;

use crate::overload::Pressed;

impl Pressed for Steward {
    fn bytes(&self) -> (u64, u64) {
        self.bodies()
    }

    fn obey(&self, level: Level) {
        self.set_level(level);
    }
}
