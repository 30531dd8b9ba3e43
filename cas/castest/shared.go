package castest

import "testing"

func testShared(t *testing.T, suite Suite) {
	t.Run("what one commits the other sees", func(t *testing.T) {
		one := suite.open(t)
		other := suite.openIn(t, one.dir)
		blobs := everyBlob()
		expectBlobs(t, other, put(t, one, blobs...), blobs)
	})
}
